"""A forum that answers its posts, the whole way: asked, tagged, solved, caught up."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from parity.discord_stage import DiscordStage
from parity.stage import Said
from servers.discord import Permission

from bot.model import Action


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    stage = DiscordStage(tmp_path)
    await stage.open()
    yield stage
    await stage.aclose()


def forum(stage: DiscordStage) -> int:
    made = stage.server.add_forum(stage.guild, tags=("solved",))
    stage.server.allow(made, Permission.MANAGE_THREADS)
    stage.behave(str(made), listen="every")
    return made


def opened(stage: DiscordStage, place: int, person: str, title: str) -> Said:
    post = stage.server.open_post(int(person), place, title, "Tell me, please.")
    return Said(str(post), str(place))


async def test_a_post_is_answered_and_solved(stage: DiscordStage) -> None:
    place, ana = forum(stage), stage.person("ana")
    post = opened(stage, place, ana, "When do you open?")

    seen = await stage.answer(post)
    assert "When do you open?\nTell me, please." in seen.text
    stage.press(ana, seen, Action.SOLVED)
    await stage.until(lambda: stage.server.tags(int(post.id)) == ["solved"])
    await stage.until(lambda: "Marked as solved." in stage.told(ana))
    stage.follow(ana, post, "And on Sundays?")

    assert "after 1: And on Sundays?" in (await stage.answer(post, 2)).text


async def test_only_who_asked_or_a_reviewer_marks_it_solved(
    stage: DiscordStage,
) -> None:
    place, ana, bo = forum(stage), stage.person("ana"), stage.person("bo")
    post = opened(stage, place, ana, "When do you open?")
    stage.press(bo, await stage.answer(post), Action.SOLVED)
    await stage.until(lambda: stage.told(bo))

    assert "Marked as solved." not in stage.told(bo)
    assert stage.server.tags(int(post.id)) == []


async def test_posts_of_the_time_it_was_away_are_answered(stage: DiscordStage) -> None:
    place, ana = forum(stage), stage.person("ana")
    await stage.stop_bot()
    post = opened(stage, place, ana, "When do you open?")
    await stage.start_bot()

    assert "When do you open?" in (await stage.answer(post)).text


async def test_where_people_may_answer_first_it_waits_for_them(
    stage: DiscordStage,
) -> None:
    made = stage.server.add_forum(stage.guild)
    stage.behave(str(made), listen="every", wait_for_humans_seconds=0.8)
    ana, bo = stage.person("ana"), stage.person("bo")
    helped = opened(stage, made, ana, "Helped?")
    await stage.until(lambda: stage.server.messages(int(helped.id)))
    stage.server.say(int(bo), int(helped.id), "At nine.")
    alone = opened(stage, made, ana, "Alone?")

    assert "Alone?" in (await stage.answer(alone)).text
    assert stage.answers(helped) == []
