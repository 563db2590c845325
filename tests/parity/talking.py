"""Scenarios of questions and answers."""

import asyncio

from parity.backend import CODE, LONG
from parity.scenarios import scenario
from parity.stage import Said, Seen, Stage

SECRET = "evil.example"


@scenario(
    "A question that names the bot is answered in its thread",
    slack="thread of the message",
    discord="a thread of its own, named after the question",
)
async def mention(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "When do walk-ins close?")

    seen = await stage.answer(asked)

    assert "house after 0: When do walk-ins close?" in seen.text


@scenario("A question in private is answered there")
async def in_private(stage: Stage) -> None:
    asked = stage.whisper(stage.person("ana"), "When do you open?")

    assert "house after 0" in (await stage.answer(asked)).text


@scenario("A follow-up needs no name, and what was said is remembered")
async def follow_up(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "When do walk-ins close?")
    await stage.answer(asked)
    stage.follow(ana, asked, "And on Fridays?")

    assert "house after 1: And on Fridays?" in (await stage.answer(asked, 2)).text


@scenario("Two questions in one channel are two conversations")
async def two_conversations(stage: Stage) -> None:
    ana, bo, channel = stage.person("ana"), stage.person("bo"), stage.channel("busy")
    first = stage.ask(ana, channel, "First?")
    second = stage.ask(bo, channel, "Second?")

    assert "after 0: First?" in (await stage.answer(first)).text
    assert "after 0: Second?" in (await stage.answer(second)).text


@scenario("What is said to nobody in particular is left alone")
async def not_for_us(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    said = stage.say(ana, channel, "Nice weather.")
    asked = stage.ask(ana, channel, "Hello?")
    await stage.answer(asked)

    assert stage.answers(said) == []


@scenario("An edited question is answered anew in the same message")
async def edit(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "When do you cloze?")
    before = await stage.answer(asked)
    stage.edit(ana, asked, "When do you close?")
    await stage.until(lambda: "When do you close?" in stage.answers(asked)[0].text)

    assert (await stage.answer(asked)).id == before.id


@scenario("The answer to a deleted question goes with it")
async def delete_question(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "Never mind?")
    seen = await stage.answer(asked)
    stage.delete(ana, asked)

    await stage.until(lambda: seen.id not in [it.id for it in stage.answers(asked)])


@scenario("A question that is edited while it is answered is answered as it is now")
async def edit_midway(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "Slowly?")
    await stage.until(lambda: stage.answers(asked))
    before = stage.answers(asked)[0].id
    stage.edit(ana, asked, "Quickly?")
    await stage.until(lambda: "Quickly?" in stage.answers(asked)[0].text)

    assert (await stage.answer(asked)).id == before


@scenario("One that is deleted meanwhile leaves nothing behind")
async def delete_midway(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "Slowly?")
    await stage.until(lambda: stage.answers(asked))
    seen = stage.answers(asked)[0]
    stage.delete(ana, asked)
    await stage.until(lambda: seen.id not in [it.id for it in stage.answers(asked)])
    await stage.quiet()

    assert _left(stage, asked, channel) == []


@scenario("It stays where the settings say so")
async def keep_answers(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("archive")
    stage.behave(channel, keep_answers=True)
    asked = stage.ask(ana, channel, "Keep it?")
    seen = await stage.answer(asked)
    stage.delete(ana, asked)
    await stage.answer(stage.ask(ana, channel, "Next?"))

    assert seen.id in [it.id for it in _left(stage, asked, seen.channel)]


@scenario("A deleted answer is forgotten")
async def delete_answer(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "First?")
    stage.delete(ana, await stage.answer(asked))
    await stage.until(lambda: not stage.answers(asked))
    await asyncio.sleep(0.2)
    stage.follow(ana, asked, "Second?")

    assert "after 0: Second?" in (await stage.answer(asked)).text


@scenario("A long answer is all there, in the order it was written")
async def long_answer(stage: Stage) -> None:
    asked = stage.ask(stage.person("ana"), stage.channel("general"), "At length?")
    await stage.until(lambda: stage.answers(asked))
    await stage.quiet()

    found = stage.answers(asked)
    files = [data.decode() for seen in found for _, data in seen.files]
    text = "\n".join(files) or "\n".join(seen.text for seen in found)
    places = [text.index(f"Paragraph {n}:") for n in range(25)]
    assert places == sorted(places)
    assert text.count("word") == LONG.count("word")


@scenario("A table can be read", slack="a table", discord="fixed-width type")
async def table(stage: Stage) -> None:
    asked = stage.ask(stage.person("ana"), stage.channel("general"), "A table?")

    text = (await stage.answer(asked)).text
    assert all(f"day {number}" in text for number in range(8))
    assert "|---|" not in text


@scenario("Code stays code")
async def code(stage: Stage) -> None:
    asked = stage.ask(stage.person("ana"), stage.channel("general"), "Some code?")

    text = (await stage.answer(asked)).text
    assert CODE.split("\n", 1)[1].removesuffix("\n```") in text


@scenario("A source is named with its section")
async def cited(stage: Stage) -> None:
    asked = stage.ask(stage.person("ana"), stage.channel("general"), "Cited?")

    text = (await stage.answer(asked)).text
    assert "They close at five" in text
    assert "Opening hours" in text
    assert "Walk-ins" in text


@scenario("What a model writes rings nobody, hides nothing, and shows where links lead")
async def harmless(stage: Stage) -> None:
    asked = stage.ask(stage.person("ana"), stage.channel("general"), "Unsafe?")

    seen = await stage.answer(asked)
    assert not seen.pings
    assert SECRET in seen.text
    assert "secret" not in seen.text or "](<https://evil.example" in seen.text
    assert "\u202e" not in seen.text
    assert "@everyone" not in seen.text.replace("@\u2060", "@_").replace("@\u200b", "")


@scenario("An answer that grows can be stopped, and keeps what was said")
async def stop(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "Slowly?")
    await stage.until(lambda: any("So" in it.text for it in stage.answers(asked)))
    stage.follow(ana, asked, "stop")
    await stage.until(lambda: "Stopped" in stage.answers(asked)[0].text)

    assert "So far." in (await stage.answer(asked)).text


@scenario(
    "It can be stopped by a button",
    slack="Slack's own Stop of the session",
    discord="a button under it",
)
async def stop_button(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "Slowly?")
    await stage.until(lambda: stage.answers(asked))
    stage.stop(ana, asked)
    await stage.until(lambda: "Stopped" in stage.answers(asked)[0].text)


@scenario("What fails is said, and nothing is lost")
async def failure(stage: Stage) -> None:
    asked = stage.ask(stage.person("ana"), stage.channel("general"), "It fails?")
    await stage.until(lambda: stage.answers(asked), 15)

    assert "sorry" in (await stage.answer(asked)).text
    letters = await stage.app.state.inbox.dead_letters()
    assert any("fails" in letter.reason for letter in letters)


@scenario("A message without words is answered kindly")
async def empty(stage: Stage) -> None:
    asked = stage.ask(stage.person("ana"), stage.channel("general"), "")

    assert "empty" in (await stage.answer(asked)).text


@scenario("Words that nobody can see are not read")
async def hidden(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "When do\u202e you \u2066open?")

    assert "When do you open?" in (await stage.answer(asked)).text


@scenario("What was asked while the bot was away is answered, once")
async def catching_up(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    before = stage.ask(ana, channel, "Before?")
    await stage.answer(before)
    await stage.stop_bot()
    missed = stage.ask(ana, channel, "Meanwhile?")
    await stage.start_bot()

    assert "Meanwhile?" in (await stage.answer(missed)).text
    assert len(stage.answers(before)) == 1


@scenario("An answer that was under way goes on after a restart, in the same message")
async def restart(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "Slowly?")
    await stage.until(lambda: any("So" in it.text for it in stage.answers(asked)))
    (seen,) = stage.answers(asked)
    stage.settings.worker.drain_seconds = 0.1
    await stage.stop_bot()
    await stage.start_bot()
    await asyncio.sleep(0.3)
    stage.follow(ana, asked, "stop")
    await stage.until(lambda: "Stopped" in stage.answers(asked)[0].text)

    assert [it.id for it in stage.answers(asked)] == [seen.id]


def _left(stage: Stage, asked: Said, channel: str) -> list[Seen]:
    return [*stage.answers(asked), *stage.posts(channel)]
