"""A question's whole way on a local Discord: real core, real library, real sockets."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from discord_house import answers, house, quiet, whole
from servers.discord import DiscordServer

from bot.model import Author, ConversationId, Message, Said, answer_id


async def test_a_mention_is_answered_in_a_thread_and_followed_up(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    async with house(server, tmp_path, content=True):
        root = server.say(ana, channel, "one?", mention_bot=True)
        await whole(server, root, "Answer to **one?** indeed")
        server.say(ana, root, "two?")
        await server.wait_for(lambda: len(answers(server, root)) == 2)

    assert answers(server, root)[1].startswith("Answer to **two?**")
    assert answers(server, channel) == []


async def test_an_edited_question_changes_its_answer(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    async with house(server, tmp_path):
        root = server.say(ana, channel, "frist?", mention_bot=True)
        await whole(server, root, "Answer to **frist?** indeed")
        server.edit(root, f"<@{server.bot_id}> first?")
        await whole(server, root, "Answer to **first?** indeed")


async def test_an_answer_that_shrinks_and_grows_again(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    async with house(server, tmp_path):
        root = server.say(ana, channel, "one, at length?", mention_bot=True)
        await server.wait_for(lambda: len(answers(server, root)) == 2)
        await server.wait_for(lambda: answers(server, root)[1].endswith(" indeed"))
        server.edit(root, f"<@{server.bot_id}> short?")
        await whole(server, root, "Answer to **short?** indeed")
        server.edit(root, f"<@{server.bot_id}> long, at length?")
        await server.wait_for(lambda: len(answers(server, root)) == 2)
        await server.wait_for(lambda: answers(server, root)[1].endswith(" indeed"))


async def test_a_deleted_question_takes_its_answer_along(
    server: DiscordServer, tmp_path: Path, ana: int
) -> None:
    async with house(server, tmp_path):
        asked = server.dm(ana, "one?")
        place = server.dm_channel(ana)
        await whole(server, place, "Answer to **one?** indeed")
        server.delete(asked)
        await server.wait_for(lambda: server.messages(place) == [])


async def test_stop_ends_an_answer_that_grows(
    server: DiscordServer, tmp_path: Path, ana: int
) -> None:
    place = server.dm_channel(ana)
    async with house(server, tmp_path):
        server.dm(ana, "slowly?")
        await server.wait_for(lambda: answers(server, place))
        server.slash(ana, place, "stop")
        await server.wait_for(
            lambda: answers(server, place) == ["Answer to **slowly?**\n\n_Stopped._"]
        )


async def test_a_rating_is_kept(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    async with house(server, tmp_path) as app:
        root = server.say(ana, channel, "one?", mention_bot=True)
        await whole(server, root, "Answer to **one?** indeed")
        server.react(ana, server.bot_messages(root)[0].id, "👍")
        guild = str(server.state.channel(channel).guild_id)
        place = ConversationId("discord", guild, str(channel), str(root))
        async with asyncio.timeout(5):
            while not (
                ratings := await app.state.feedback.of_answer(
                    answer_id(place, str(root))
                )
            ):
                await asyncio.sleep(0.02)

    assert [rating.verdict for rating in ratings] == ["good"]


async def test_questions_by_command_do_not_wait_for_each_other(
    server: DiscordServer, tmp_path: Path, channel: int
) -> None:
    async with house(server, tmp_path):
        asked = [
            server.slash(
                server.add_user(f"u{n}"), channel, "ask", question=f"slowly {n}?"
            )
            for n in range(10)
        ]
        loop = asyncio.get_running_loop()
        start = loop.time()
        expected = [f"Answer to **slowly {n}?** indeed" for n in range(10)]
        await server.wait_for(
            lambda: (
                [
                    found.content
                    for one in asked
                    if (found := server.interaction_reply(one.id))
                ]
                == expected
            ),
            10,
        )

    # One after the other they would take four seconds.
    assert loop.time() - start < 3


async def test_a_command_is_answered_to_its_author(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    server.grant(ana)
    async with house(server, tmp_path):
        seen = server.slash(ana, channel, "curbside whoami")
        reply = await server.wait_for(lambda: server.interaction_reply(seen.id))
        await server.wait_for(lambda: reply.content)

    assert f"discord:{ana}" in reply.content
    assert "an admin" in reply.content


async def test_each_question_is_answered_once_whatever_happens(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    server.redelivery(0.3)
    kinds = ("drop_after", "drop_before", "http502_after", "ratelimited", "slow")
    asked: dict[int, str] = {}

    async with house(server, tmp_path) as app:
        for number in range(40):
            kind, next_kind = kinds[number % 5], kinds[(number + 1) % 5]
            seconds = 1.5 if "slow" in (kind, next_kind) else 0.05
            server.fail("POST", "/messages$", kind=kind, seconds=seconds)
            server.fail("PATCH", "/messages/", kind=next_kind, seconds=seconds)
            server.fail("POST", "/threads$", kind=kind, seconds=seconds)
            if number % 15 == 7:
                server.drop_gateway()
            root = server.say(ana, channel, f"q{number}", mention_bot=True)
            asked[root] = f"Answer to **q{number}** indeed"
            await asyncio.sleep(0.03)
        await server.wait_for(lambda: len(server.threads(channel)) == 40, 30)
        await quiet(app, 60)

    found = {root: answers(server, root) for root in asked}
    assert found == {root: [text] for root, text in asked.items()}


async def test_a_worker_of_its_own_needs_no_gateway(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    async with house(server, tmp_path, listen=False) as app:
        root = server.say(ana, channel, "one?", mention_bot=True)
        guild = str(server.state.channel(channel).guild_id)
        place = ConversationId("discord", guild, str(channel), str(root))
        now = datetime.now(UTC)
        message = Message(str(root), place, Author(str(ana)), "one?", now)
        await app.reception.accept(Said(message))
        await whole(server, root, "Answer to **one?** indeed")

    assert server.gateway.identified == []
    # Nobody here has heard the question: its thread is named after it all the same.
    assert server.threads(channel)[0].name == "one?"


async def test_a_bot_that_is_started_again_goes_on_in_the_same_message(
    server: DiscordServer, tmp_path: Path, ana: int
) -> None:
    place = server.dm_channel(ana)
    async with house(server, tmp_path) as app:
        server.dm(ana, "slowly?")
        await server.wait_for(lambda: answers(server, place))
        (working,) = (t for t in asyncio.all_tasks() if t.get_name() == "worker")
        working.cancel()
        del app
    server.advance(600)
    async with house(server, tmp_path):
        await whole(server, place, "Answer to **slowly?** indeed")

    assert len(server.bot_messages(place)) == 1


async def test_what_was_asked_while_it_was_away_is_answered_once(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    async with house(server, tmp_path):
        first = server.say(ana, channel, "one?", mention_bot=True)
        await whole(server, first, "Answer to **one?** indeed")
    missed = server.say(ana, channel, "two?", mention_bot=True)
    async with house(server, tmp_path) as app:
        await whole(server, missed, "Answer to **two?** indeed")
        await quiet(app)

    assert answers(server, first) == ["Answer to **one?** indeed"]


async def test_edits_and_deletes_while_it_was_away_are_caught_up_with(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    async with house(server, tmp_path) as app:
        edited = server.say(ana, channel, "frist?", mention_bot=True)
        deleted = server.say(ana, channel, "two?", mention_bot=True)
        await whole(server, edited, "Answer to **frist?** indeed")
        await whole(server, deleted, "Answer to **two?** indeed")
        await quiet(app)
    server.edit(edited, f"<@{server.bot_id}> first?")
    server.delete(deleted)
    async with house(server, tmp_path):
        await whole(server, edited, "Answer to **first?** indeed")
        await server.wait_for(lambda: answers(server, deleted) == [], 10)
