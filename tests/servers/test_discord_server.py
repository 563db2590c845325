"""The local Discord against the installed discord.py: what it must get right."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands
from servers.discord import DiscordServer, Permission, patched
from servers.discord.bot import Bot, partial, running


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        with patched(server):
            yield server


@pytest.fixture
async def bot(server: DiscordServer, channel: int) -> AsyncIterator[Bot]:
    async with running(server, Bot()) as bot:
        yield bot


@pytest.fixture
def channel(server: DiscordServer) -> int:
    return server.add_channel(server.add_guild())


@pytest.fixture
def ana(server: DiscordServer) -> int:
    return server.add_user("ana")


async def test_logs_in_and_sees_its_guild(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    assert bot.user is not None
    assert bot.user.id == server.bot_id
    assert [guild.name for guild in bot.guilds] == ["clinic"]
    assert isinstance(bot.get_channel(channel), discord.TextChannel)


async def test_refuses_a_wrong_token(server: DiscordServer) -> None:
    async with Bot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.start("another-token")


async def test_refuses_an_intent_that_was_not_granted() -> None:
    async with DiscordServer(message_content=False) as server, Bot() as bot:
        with patched(server), pytest.raises(discord.PrivilegedIntentsRequired):
            await bot.start(server.token)


async def test_a_mention_is_answered_as_a_reply(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    asked = server.say(ana, channel, "are you there?", mention_bot=True)

    (reply,) = await server.wait_for(lambda: server.bot_messages(channel))

    assert reply.content == "hello"
    assert reply.reference is not None
    assert reply.reference["message_id"] == str(asked)
    # Nobody is pinged by a client that allows no mentions.
    assert reply.allowed_mentions == {"parse": []}
    assert reply.mentions == []


async def test_a_direct_message_is_answered(
    server: DiscordServer, bot: Bot, ana: int
) -> None:
    server.dm(ana, "a question")

    place = server.dm_channel(ana)
    (reply,) = await server.wait_for(lambda: server.bot_messages(place))

    assert reply.content == "hello"
    assert bot.seen[-1][1].guild is None


async def test_text_is_blank_without_the_content_intent(
    server: DiscordServer, channel: int, ana: int
) -> None:
    async with running(server, Bot(content=False)) as bot:
        server.say(ana, channel, "for somebody else")
        server.say(ana, channel, "for you", mention_bot=True)
        answer = (await server.wait_for(lambda: server.bot_messages(channel)))[0]
        server.say(ana, channel, "thanks", reply_to=answer.id)
        server.say(ana, channel, "quietly", reply_to=answer.id, ping=False)
        await server.wait_for(lambda: len(bot.texts()) == 4)

        for_you = f"<@{server.bot_id}> for you"
        assert bot.texts() == ["", for_you, "thanks", ""]


async def test_a_command_is_registered_deferred_and_answered(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    @bot.tree.command()
    async def ask(interaction: discord.Interaction[Bot], question: str) -> None:
        """Ask something."""
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(content=f"{question}? Yes.")
        await interaction.followup.send("More.")

    await bot.tree.sync()

    interaction = server.slash(ana, channel, "ask", question="Open")
    await server.wait_for(lambda: len(server.bot_messages(channel)) == 2)

    reply = server.interaction_reply(interaction.id)
    assert reply is not None
    assert reply.content == "Open? Yes."
    assert [m.content for m in server.bot_messages(channel)] == ["Open? Yes.", "More."]


async def test_a_sub_command_comes_with_the_rights_of_the_person(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    group = app_commands.Group(name="curbside", description="Settings")

    @group.command()
    async def use(interaction: discord.Interaction[Bot], backend: str) -> None:
        """Choose a backend."""
        may = interaction.permissions.manage_guild
        await interaction.response.send_message(f"{backend} {may}", ephemeral=True)

    bot.tree.add_command(group)
    await bot.tree.sync()
    server.grant(ana)

    interaction = server.slash(ana, channel, "curbside use", backend="handbook")
    reply = await server.wait_for(lambda: server.interaction_reply(interaction.id))

    assert reply.content == "handbook True"
    # What only one person may see is no part of the channel.
    assert server.messages(channel) == []


async def test_an_interaction_token_ends_after_fifteen_minutes(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    held: list[discord.Interaction[Bot]] = []

    @bot.tree.command()
    async def ask(interaction: discord.Interaction[Bot]) -> None:
        """Ask something."""
        await interaction.response.defer()
        held.append(interaction)

    await bot.tree.sync()
    server.slash(ana, channel, "ask")
    await server.wait_for(lambda: held)

    server.advance(15 * 60 + 1)

    with pytest.raises(discord.HTTPException) as caught:
        await held[0].edit_original_response(content="late")
    assert caught.value.code == 50027


async def test_a_button_can_be_pressed(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    class Rating(discord.ui.View):
        @discord.ui.button(label="Good", custom_id="good")
        async def good(
            self, interaction: discord.Interaction[Bot], button: discord.ui.Button[Any]
        ) -> None:
            await interaction.response.edit_message(content="thank you", view=None)

    sent = await partial(bot, channel).send("rate me", view=Rating(timeout=None))
    with pytest.raises(LookupError):
        server.click(ana, sent.id, "bad")
    server.click(ana, sent.id, "good")
    await server.wait_for(lambda: server.message(sent.id).content == "thank you")

    assert server.message(sent.id).components == []


async def test_a_form_can_be_filled_in(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    class Form(discord.ui.Modal, title="Feedback"):
        reason: discord.ui.TextInput[Any] = discord.ui.TextInput(
            label="Why?", custom_id="why"
        )

        async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message(self.reason.value)

    @bot.tree.command()
    async def feedback(interaction: discord.Interaction[Bot]) -> None:
        """Say why."""
        await interaction.response.send_modal(Form(custom_id="form"))

    await bot.tree.sync()
    opened = server.slash(ana, channel, "feedback")
    await server.wait_for(lambda: opened.modal)
    server.submit(ana, channel, "form", {"why": "too long"})

    (reply,) = await server.wait_for(lambda: server.bot_messages(channel))
    assert reply.content == "too long"


async def test_edits_and_deletes_arrive_as_raw_events(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    asked = server.say(ana, channel, "first")
    server.edit(asked, "second")
    server.unfurl(asked)
    server.delete(asked)
    await server.wait_for(lambda: "delete" in bot.names())

    edit, unfurled = (event for name, event in bot.seen if name == "edit")
    assert edit.data["content"] == "second"
    assert edit.data["edited_timestamp"] == unfurled.data["edited_timestamp"]
    assert unfurled.data["embeds"]
    assert bot.seen[-1][1].message_id == asked


async def test_a_reaction_names_the_author_of_the_message(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    sent = await partial(bot, channel).send("rate me")

    server.react(ana, sent.id, "👍")
    await server.wait_for(lambda: "reaction" in bot.names())

    event = bot.seen[-1][1]
    assert (str(event.emoji), event.user_id) == ("👍", ana)
    assert event.message_author_id == server.bot_id


async def test_missed_events_are_replayed_on_resume(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    server.say(ana, channel, "before")
    await server.wait_for(lambda: bot.texts() == ["before"])

    server.drop_gateway()
    server.say(ana, channel, "meanwhile")
    server.say(ana, channel, "and again")
    await server.wait_for(lambda: "resumed" in bot.names())

    assert bot.texts() == ["before", "meanwhile", "and again"]
    assert len(server.gateway.identified) == 1


async def test_a_lost_session_starts_anew_and_misses_events(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    server.drop_gateway(resumable=False)
    server.say(ana, channel, "nobody hears this")
    await server.wait_for(lambda: bot.names().count("ready") == 2)
    server.say(ana, channel, "this one is heard")
    await server.wait_for(bot.texts)

    assert bot.texts() == ["this one is heard"]
    assert len(server.gateway.identified) == 2


@pytest.mark.parametrize(
    "interrupt",
    [
        pytest.param(lambda server: server.gateway.ask_to_reconnect(), id="op 7"),
        pytest.param(
            lambda server: server.gateway.invalidate(resumable=True), id="op 9"
        ),
        pytest.param(lambda server: server.gateway.close(4000), id="close 4000"),
    ],
)
async def test_the_client_comes_back(
    server: DiscordServer,
    bot: Bot,
    channel: int,
    ana: int,
    interrupt: Callable[[DiscordServer], None],
) -> None:
    interrupt(server)
    await server.wait_for(lambda: "resumed" in bot.names())
    server.say(ana, channel, "still there?")

    await server.wait_for(lambda: bot.texts() == ["still there?"])


async def test_heartbeats_are_answered(server: DiscordServer, channel: int) -> None:
    server.gateway.heartbeat_ms = 50

    async with running(server, Bot()) as bot:
        beats = server.gateway.received
        await server.wait_for(lambda: [f["op"] for f in beats].count(1) > 3)

        assert bot.latency < 1
        assert bot.names() == ["ready"]


async def test_events_can_be_delivered_twice(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    server.redelivery(1.0)
    server.say(ana, channel, "once")

    await server.wait_for(lambda: bot.texts() == ["once", "once"])


async def test_the_same_nonce_gives_the_first_message_back(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    first = await partial(bot, channel).send("one", nonce="answer-0")
    again = await partial(bot, channel).send("two", nonce="answer-0")
    assert again.id == first.id
    assert again.content == "one"

    server.advance(301)
    late = await partial(bot, channel).send("three", nonce="answer-0")
    assert late.id != first.id


async def test_the_nonce_of_a_deleted_message_is_unknown(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    first = await partial(bot, channel).send("one", nonce="answer-0")
    await first.delete()

    with pytest.raises(discord.NotFound) as caught:
        await partial(bot, channel).send("one", nonce="answer-0")
    assert caught.value.code == 10008


async def test_the_history_does_not_say_the_nonce(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    sent = await partial(bot, channel).send("one", nonce="answer-0")
    (found,) = [message async for message in partial(bot, channel).history()]

    assert sent.nonce == "answer-0"
    assert found.nonce is None


@pytest.mark.parametrize(
    ("kind", "written"), [("drop_before", 0), ("drop_after", 1)], ids=str
)
async def test_a_dropped_connection_leaves_the_client_in_doubt(
    server: DiscordServer, bot: Bot, channel: int, kind: str, written: int
) -> None:
    server.fail("POST", "/messages$", kind=kind)

    with pytest.raises(aiohttp.ClientConnectionError):
        await partial(bot, channel).send("one", nonce="answer-0")
    assert len(server.bot_messages(channel)) == written

    await partial(bot, channel).send("one", nonce="answer-0")
    assert len(server.bot_messages(channel)) == 1


async def test_a_rate_limit_is_waited_for(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    server.fail("POST", "/messages$", kind="ratelimited")

    await partial(bot, channel).send("one")

    assert [call.status for call in server.sent("POST", "/messages$")] == [429, 200]


async def test_a_rate_limit_without_via_is_taken_for_a_ban(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    server.fail("POST", "/messages$", kind="ratelimited_bare")

    with pytest.raises(discord.HTTPException) as caught:
        await partial(bot, channel).send("one")
    assert caught.value.status == 429


async def test_a_real_limit_counts_calls(server: DiscordServer, channel: int) -> None:
    server.limit("GET", "/channels/[0-9]+$", calls=2, seconds=60)
    headers = {"Authorization": f"Bot {server.token}"}
    url = f"{server.api_url}/channels/{channel}"
    seen = []

    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(3):
            async with session.get(url) as response:
                left = response.headers["X-RateLimit-Remaining"]
                seen.append((response.status, left))

    assert seen[:2] == [(200, "1"), (200, "0")]
    assert seen[2][0] == 429


async def test_the_client_keeps_within_a_limit_that_it_is_told(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    server.limit("POST", "/channels/[0-9]+/messages$", calls=2, seconds=0.3)

    for number in range(5):
        await partial(bot, channel).send(str(number))

    statuses = [call.status for call in server.sent("POST", "/messages$")]
    assert statuses == [200] * 5


async def test_a_bad_gateway_after_the_write_makes_no_second_message(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    server.fail("POST", "/messages$", kind="http502_after")

    await partial(bot, channel).send("one", nonce="answer-0")

    assert len(server.sent("POST", "/messages$")) == 2
    assert len(server.bot_messages(channel)) == 1


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(lambda s, c: s.delete_channel(c), 10003, id="deleted channel"),
        pytest.param(
            lambda s, c: s.deny(c, Permission.VIEW_CHANNEL), 50001, id="hidden channel"
        ),
        pytest.param(
            lambda s, c: s.deny(c, Permission.SEND_MESSAGES), 50013, id="read only"
        ),
        pytest.param(
            lambda s, c: s.fail("POST", "/messages$", kind="error:40001"),
            40001,
            id="scripted",
        ),
    ],
)
async def test_errors_have_discords_codes(
    server: DiscordServer,
    bot: Bot,
    channel: int,
    spoil: Callable[[DiscordServer, int], None],
    code: int,
) -> None:
    spoil(server, channel)

    with pytest.raises(discord.HTTPException) as caught:
        await partial(bot, channel).send("one")
    assert caught.value.code == code


async def test_a_long_message_is_refused(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await partial(bot, channel).send("x" * 2001)
    assert caught.value.code == 50035
    assert "2000 or fewer" in caught.value.text


async def test_a_thread_takes_the_id_of_its_message(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    asked = server.say(ana, channel, "a question")
    await server.wait_for(bot.texts)
    message: discord.Message = bot.seen[-1][1]

    thread = await message.create_thread(name="a question")
    await thread.send("an answer")
    with pytest.raises(discord.HTTPException) as caught:
        await message.create_thread(name="a question")

    assert thread.id == asked
    assert caught.value.code == 160004
    assert [m.content for m in server.bot_messages(thread.id)] == ["an answer"]
    assert server.bot_id in server.threads(channel)[0].members


async def test_archived_threads_open_and_locked_ones_do_not(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    thread = server.thread(ana, server.say(ana, channel, "a question"))
    sent = await partial(bot, thread).send("an answer")

    server.archive(thread)
    with pytest.raises(discord.HTTPException) as archived:
        await sent.edit(content="changed")
    await partial(bot, thread).send("more")
    server.archive(thread, locked=True)
    with pytest.raises(discord.HTTPException) as locked:
        await partial(bot, thread).send("still more")

    assert archived.value.code == 50083
    assert locked.value.code == 160005


async def test_history_pages_from_a_message_on(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    said = [server.say(ana, channel, str(number)) for number in range(130)]
    place = partial(bot, channel)

    after = discord.Object(said[9])
    found = [m.content async for m in place.history(after=after, limit=None)]
    newest = [m.content async for m in place.history(limit=3)]

    assert found == [str(number) for number in range(10, 130)]
    assert newest == ["129", "128", "127"]


async def test_files_go_both_ways(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    server.say(ana, channel, "see file", files=(("plan.md", b"# Plan"),))
    await server.wait_for(bot.texts)
    received = await bot.seen[-1][1].attachments[0].read()

    sent = await partial(bot, channel).send(
        "copy", file=discord.File(__file__, filename="copy.txt")
    )

    assert received == b"# Plan"
    assert sent.attachments[0].filename == "copy.txt"
    assert server.sent("POST", "/messages$")[0].files


async def test_another_process_drives_it_over_http(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    async with aiohttp.ClientSession() as session:

        async def control(verb: str, **given: Any) -> Any:
            body = json.dumps(given)
            url = f"{server.control_url}/{verb}"
            async with session.post(url, data=body) as response:
                return await response.json()

        user = (await control("add_user", name="bo"))["result"]
        asked = await control(
            "say", user=user, channel=str(channel), text="hi", mention_bot=True
        )
        await server.wait_for(lambda: server.bot_messages(channel))
        replies = (await control("bot_messages", channel=str(channel)))["result"]
        wrong = await control("explode")
        async with session.get(f"{server.control_url}/calls") as response:
            calls = (await response.json())["result"]

    assert replies[0]["content"] == "hello"
    assert replies[0]["reference"]["message_id"] == asked["result"]
    assert "no verb 'explode'" in wrong["error"]
    assert calls[-1]["path"] == f"/channels/{channel}/messages"
