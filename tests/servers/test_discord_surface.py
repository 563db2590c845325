"""The local Discord against discord.py: components, forms, menus, forums, pings."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands, ui
from servers.discord import DiscordServer, Permission, patched
from servers.discord.bot import Bot, partial, running
from servers.discord.model import HAS_THREAD


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        with patched(server):
            yield server


@pytest.fixture
def guild(server: DiscordServer) -> int:
    return server.add_guild()


@pytest.fixture
def channel(server: DiscordServer, guild: int) -> int:
    return server.add_channel(guild)


@pytest.fixture
def ana(server: DiscordServer) -> int:
    return server.add_user("ana")


@pytest.fixture
async def bot(server: DiscordServer, channel: int) -> AsyncIterator[Bot]:
    async with running(server, Bot()) as bot:
        yield bot


def layout(*texts: str) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    inside = [ui.TextDisplay[Any](text) for text in texts]
    view.add_item(ui.Container(*inside))
    return view


async def test_a_message_can_be_made_of_components(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    sent = await partial(bot, channel).send(view=layout("x" * 3999))

    found = server.message(sent.id)
    assert found.v2
    assert found.content == ""
    assert [part["type"] for part in found.components] == [17]
    # Text beside them is refused, and the new kind stays for ever.
    with pytest.raises(discord.HTTPException, match="components V2"):
        await sent.edit(content="words")


async def test_too_much_text_in_components_is_refused(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    with pytest.raises(discord.HTTPException, match="4000"):
        await partial(bot, channel).send(view=layout("x" * 2500, "y" * 1501))


def button(**given: Any) -> dict[str, Any]:
    row = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"} | given
    return {"type": 1, "components": [row]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"content": "hi", "components": [button(label="x" * 81)]}, "0 and 80"),
        ({"content": "hi", "components": [button(custom_id="x" * 101)]}, "1 and 100"),
        ({"content": "hi", "components": [button(style=9)]}, "Not a style"),
        ({"content": "hi", "components": [button(style=5)]}, "link button"),
        ({"content": "hi", "components": [button(), button()]}, "duplicated"),
        ({"content": "hi", "components": [button()] * 6}, "0 and 5"),
        ({"content": "hi", "components": [{"type": 10, "content": "x"}]}, "one of"),
        (
            {"components": [button()], "flags": 1 << 15, "content": "hi"},
            "components V2",
        ),
        ({"components": [{"type": 10, "content": "x"}] * 41, "flags": 1 << 15}, "40"),
        ({"content": "hi", "embeds": [{}] * 11}, "10 or fewer"),
        ({"content": " "}, "empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_wrong_body_is_refused(
    server: DiscordServer, channel: int, body: dict[str, Any], words: str
) -> None:
    url = f"{server.api_url}/channels/{channel}/messages"
    headers = {"Authorization": f"Bot {server.token}"}

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json=body) as response,
    ):
        told = await response.text()

    assert response.status == 400
    assert words in told
    assert server.messages(channel) == []


async def test_a_choice_can_be_made(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    class Choice(ui.View):
        @ui.select(
            custom_id="which", options=[discord.SelectOption(label=n) for n in "abc"]
        )
        async def which(
            self, interaction: discord.Interaction[Bot], chosen: ui.Select[Any]
        ) -> None:
            await interaction.response.send_message(chosen.values[0], ephemeral=True)

    sent = await partial(bot, channel).send("which?", view=Choice(timeout=None))
    with pytest.raises(LookupError):
        server.choose(ana, sent.id, "which", ["d"])
    server.choose(ana, sent.id, "which", ["b"])

    (whisper,) = await server.wait_for(lambda: server.whispers(ana))
    assert whisper.content == "b"
    assert len(server.messages(channel)) == 1


async def test_a_button_that_is_off_cannot_be_pressed(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="no", custom_id="no", disabled=True))
    sent = await partial(bot, channel).send("?", view=view)

    with pytest.raises(LookupError, match="switched off"):
        server.click(ana, sent.id, "no")


async def test_a_form_of_labels_is_filled_in(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    got: list[Any] = []

    class Form(ui.Modal, title="Feedback"):
        why = ui.Label[Any](
            text="Why?", component=ui.TextInput(custom_id="why", max_length=10)
        )
        kind = ui.Label[Any](
            text="Kind",
            component=ui.Select(
                custom_id="kind",
                options=[discord.SelectOption(label=n) for n in ("wrong", "old")],
            ),
        )

        async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
            got.extend([self.why.component.value, self.kind.component.values])
            await interaction.response.edit_message(content="thanks", view=None)

    class Rating(ui.View):
        @ui.button(label="Bad", custom_id="bad")
        async def bad(
            self, interaction: discord.Interaction[Bot], button: ui.Button[Any]
        ) -> None:
            await interaction.response.send_modal(Form(custom_id="form"))

    sent = await partial(bot, channel).send("rate me", view=Rating(timeout=None))
    pressed = server.click(ana, sent.id, "bad")
    await server.wait_for(lambda: pressed.modal)
    for wrong in ({"why": "x"}, {"why": "x" * 11, "kind": ["old"]}, {"who": "x"}):
        with pytest.raises(LookupError):
            server.submit(ana, channel, "form", wrong)
    server.submit(ana, channel, "form", {"why": "too old", "kind": ["old"]})
    await server.wait_for(lambda: server.message(sent.id).content == "thanks")

    assert got == ["too old", ["old"]]


async def test_an_answer_that_comes_late_is_refused(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    held: list[discord.Interaction[Any]] = []

    class Slow(ui.View):
        @ui.button(label="Slow", custom_id="slow")
        async def slow(
            self, interaction: discord.Interaction[Any], button: ui.Button[Any]
        ) -> None:
            held.append(interaction)

    sent = await partial(bot, channel).send("?", view=Slow(timeout=None))
    server.click(ana, sent.id, "slow")
    await server.wait_for(lambda: held)
    server.advance(3.1)

    with pytest.raises(discord.NotFound) as caught:
        await held[0].response.send_message("late")
    assert caught.value.code == 10062


async def test_suggestions_are_shown_while_typing(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    @bot.tree.command()
    async def use(interaction: discord.Interaction[Any], backend: str) -> None:
        """Choose."""

    @use.autocomplete("backend")
    async def suggest(
        interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=typed + end, value=end) for end in "xy"]

    await bot.tree.sync()
    typing = server.suggest(ana, channel, "use", backend="hand")
    await server.wait_for(lambda: typing.choices)

    assert [choice["name"] for choice in typing.choices] == ["handx", "handy"]


async def test_a_menu_gives_the_message_without_the_intent(
    server: DiscordServer, channel: int, ana: int
) -> None:
    async with running(server, Bot(content=False)) as bot:

        @bot.tree.context_menu(name="Ask about this")
        async def about(
            interaction: discord.Interaction[Any], message: discord.Message
        ) -> None:
            await interaction.response.send_message(f"> {message.content}")

        await bot.tree.sync()
        said = server.say(ana, channel, "to somebody else")
        server.menu(ana, said, "Ask about this")
        (reply,) = await server.wait_for(lambda: server.bot_messages(channel))

    assert reply.content == "> to somebody else"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda c: c | {"name": "Ask Me"}, "name is invalid"),
        (lambda c: c | {"description": "x" * 101}, "1 and 100"),
        (
            lambda c: c | {"options": [option("a"), option("b", required=True)]},
            "before",
        ),
    ],
    ids=["name", "description", "order"],
)
async def test_wrong_commands_are_refused(
    server: DiscordServer, spoil: Callable[[dict[str, Any]], Any], words: str
) -> None:
    command = {"name": "ask", "description": "Ask."}
    url = f"{server.api_url}/applications/{server.bot_id}/commands"
    headers = {"Authorization": f"Bot {server.token}"}

    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.put(url, json=[spoil(command)]) as response,
    ):
        told = await response.text()

    assert response.status == 400
    assert words in told
    assert server.commands == []


def option(name: str, **more: Any) -> dict[str, Any]:
    return {"type": 3, "name": name, "description": "An option."} | more


async def test_a_forum_post_has_tags_and_can_be_solved(
    server: DiscordServer, guild: int, ana: int
) -> None:
    forum = server.add_forum(
        guild, tags=("billing",), moderated=("solved",), tag_required=True
    )
    async with running(server, Bot()) as bot:
        with pytest.raises(Exception, match="tag is required"):
            server.open_post(ana, forum, "A bill", "It is wrong.")
        post = server.open_post(ana, forum, "A bill", "It is wrong.", ("billing",))
        await server.wait_for(lambda: bot.texts() == ["It is wrong."])
        thread = bot.get_channel(post)
        assert isinstance(thread, discord.Thread)
        assert isinstance(thread.parent, discord.ForumChannel)
        assert bot.last("message").id == thread.id
        await thread.send("an answer")
        solved = thread.parent.available_tags[1]
        with pytest.raises(discord.Forbidden):
            await thread.add_tags(solved)
        bits = int(Permission.MANAGE_THREADS)
        server.give_role(guild, server.bot_id, server.add_role(guild, "m", bits=bits))
        await thread.add_tags(solved)
        await thread.edit(archived=True, locked=True)
        await server.wait_for(lambda: bot.last("thread changed"))

    assert server.tags(post) == ["billing", "solved"]
    assert server.state.channel(post).locked
    assert [m.content for m in server.messages(post)] == ["It is wrong.", "an answer"]


async def test_the_bot_can_open_a_post(
    server: DiscordServer, guild: int, ana: int
) -> None:
    forum = server.add_forum(guild)
    async with running(server, Bot()) as bot:
        place = bot.get_channel(forum)
        assert isinstance(place, discord.ForumChannel)
        made = await place.create_thread(name="Opening hours", content="From eight.")
        with pytest.raises(discord.HTTPException, match="non-text"):
            await partial(bot, forum).send("no")

    assert made.thread.id == made.message.id
    assert not server.message(made.message.id).flags & HAS_THREAD


async def test_only_allowed_mentions_ping(
    server: DiscordServer, bot: Bot, guild: int, channel: int, ana: int
) -> None:
    team = server.add_role(guild, "team", mentionable=True)
    words = f"@everyone <@{ana}> <@&{team}> `<@{server.bot_id}>`"
    allowed = discord.AllowedMentions(
        everyone=False, users=False, roles=[discord.Object(team)]
    )

    silent = await partial(bot, channel).send(words)
    one = await partial(bot, channel).send(words, allowed_mentions=allowed)
    everything = discord.AllowedMentions.all()
    many = await partial(bot, channel).send(words, allowed_mentions=everything)
    ours = server.say(server.add_user("boss"), channel, words)

    assert server.message(silent.id).pinged == set()
    assert server.message(one.id).pinged == {str(team)}
    # A bot without the permission cannot ring everyone.
    assert server.message(many.id).pinged == {str(team), str(ana)}
    assert server.message(ours).pinged == {str(team), str(ana)}


async def test_addresses_of_files_end(
    server: DiscordServer, bot: Bot, channel: int, ana: int
) -> None:
    server.say(ana, channel, "see", files=(("plan.md", b"# Plan"),))
    await server.wait_for(bot.texts)
    (file,) = bot.last("message").attachments
    server.advance(24 * 3600 + 1)

    with pytest.raises(discord.NotFound):
        await file.read()
    fresh = await partial(bot, channel).fetch_message(bot.last("message").id)
    assert await fresh.attachments[0].read() == b"# Plan"


async def test_forwards_stickers_and_voices(
    server: DiscordServer, bot: Bot, guild: int, channel: int, ana: int
) -> None:
    other = server.add_channel(guild, "other")
    said = server.say(ana, channel, "the words", files=(("a.txt", b"a"),))
    server.forward(ana, said, other)
    await server.wait_for(lambda: len(bot.texts()) == 2)
    (shot,) = bot.last("message").message_snapshots
    server.say(ana, channel, "", sticker="wave")
    await server.wait_for(lambda: len(bot.texts()) == 3)
    stickers = bot.last("message").stickers
    server.speak(ana, channel)
    await server.wait_for(lambda: len(bot.texts()) == 4)

    assert shot.content == "the words"
    assert await shot.attachments[0].read() == b"a"
    assert [sticker.name for sticker in stickers] == ["wave"]
    assert bot.last("message").attachments[0].is_voice_message()


async def test_previews_stay_off_where_they_are_switched_off(
    server: DiscordServer, bot: Bot, channel: int
) -> None:
    quiet = await partial(bot, channel).send("http://x.test", suppress_embeds=True)
    loud = await partial(bot, channel).send("http://x.test")
    server.unfurl(quiet.id)
    server.unfurl(loud.id)

    assert server.message(quiet.id).embeds == []
    assert server.message(loud.id).embeds


@pytest.mark.parametrize(
    ("denied", "given", "code"),
    [
        (Permission.READ_MESSAGE_HISTORY, {"reference": True}, 160002),
        (Permission.ATTACH_FILES, {"file": True}, 50013),
        (Permission.SEND_MESSAGES, {}, 50013),
        (Permission.VIEW_CHANNEL, {}, 50001),
    ],
    ids=["history", "files", "send", "view"],
)
async def test_a_lacking_permission_is_refused(
    server: DiscordServer,
    bot: Bot,
    channel: int,
    ana: int,
    denied: Permission,
    given: dict[str, Any],
    code: int,
) -> None:
    said = server.say(ana, channel, "?")
    server.deny(channel, denied)
    if "reference" in given:
        reference = discord.MessageReference(message_id=said, channel_id=channel)
        given = {"reference": reference}
    if "file" in given:
        given = {"file": discord.File(__file__)}

    with pytest.raises(discord.Forbidden if code != 160002 else Exception) as caught:
        await partial(bot, channel).send("hi", **given)
    assert getattr(caught.value, "code", 0) == code


async def test_a_role_can_be_let_in_where_everyone_is_kept_out(
    server: DiscordServer, bot: Bot, guild: int, channel: int, ana: int
) -> None:
    role = server.add_role(guild, "staff")
    server.deny(channel, Permission.SEND_MESSAGES, user=guild)
    with pytest.raises(discord.Forbidden):
        await partial(bot, channel).send("one")
    server.allow(channel, Permission.SEND_MESSAGES, user=role)
    server.give_role(guild, server.bot_id, role)

    await partial(bot, channel).send("two")

    assert [m.content for m in server.messages(channel)] == ["two"]


async def test_a_guild_that_throws_the_bot_out_is_gone(
    server: DiscordServer, bot: Bot, guild: int, channel: int
) -> None:
    server.remove_guild(guild)
    await server.wait_for(lambda: bot.last("removed"))

    assert not bot.guilds
    with pytest.raises(discord.NotFound):
        await partial(bot, channel).send("hello?")
