"""Scenarios of buttons, commands and the settings of a place."""

import asyncio

from parity.scenarios import scenario
from parity.stage import Seen, Stage

from bot.model import Action
from bot.state.base import Rating


async def ratings(stage: Stage) -> list[Rating]:
    """What was thought of the newest answer."""
    (answer, *_) = await stage.app.state.records.newest("answer", limit=1)
    return await stage.app.state.feedback.of_answer(answer.id)


async def verdict(stage: Stage, wanted: list[str]) -> None:
    """Wait until people think so of the newest answer."""
    async with asyncio.timeout(5):
        while [rating.verdict for rating in await ratings(stage)] != wanted:
            await asyncio.sleep(0.01)


async def answered(stage: Stage, person: str, channel: str, text: str) -> Seen:
    return await stage.answer(stage.ask(person, channel, text))


@scenario("An admin switches what answers in a channel, and takes it back")
async def switch_and_undo(stage: Stage) -> None:
    boss, channel = stage.person("boss", admin=True), stage.channel("general")
    assert "`tuned`" in (await answered(stage, boss, channel, "use tuned")).text
    assert "tuned after 0" in (await answered(stage, boss, channel, "Who?")).text
    assert "`house`" in (await answered(stage, boss, channel, "undo")).text

    assert "house after 0" in (await answered(stage, boss, channel, "Who?")).text


@scenario("Others may not")
async def not_admin(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    assert "admin" in (await answered(stage, ana, channel, "use tuned")).text

    assert "house after 0" in (await answered(stage, ana, channel, "Who?")).text


@scenario("An answer is found helpful by a button")
async def good(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    stage.press(ana, await answered(stage, ana, channel, "Good?"), Action.GOOD)

    await verdict(stage, ["good"])


@scenario("What was wrong is said in a form, and kept for those who mend it")
async def bad(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    stage.press(ana, await answered(stage, ana, channel, "Bad?"), Action.BAD)
    await verdict(stage, ["bad"])
    await stage.until(lambda: stage.shown_form(ana) >= {"wrong", "better"})
    stage.fill_in(ana, wrong="All of it.", better="Say the day.")

    async with asyncio.timeout(5):
        while True:
            found = await stage.app.state.records.newest("feedback")
            if any("All of it." in str(record.data) for record in found):
                break
            await asyncio.sleep(0.01)


@scenario("A reaction counts as a vote", slack=":+1: :-1:", discord="👍 👎 ✅ ❌")
async def reaction(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    stage.react(ana, await answered(stage, ana, channel, "Good?"), good=True)

    await verdict(stage, ["good"])


@scenario("A reviewer corrects an answer, in its place")
async def correct(stage: Stage) -> None:
    boss, channel = stage.person("boss", admin=True), stage.channel("general")
    asked = stage.ask(stage.person("ana"), channel, "Wrong?")
    seen = await stage.answer(asked)
    stage.press(boss, seen, Action.CORRECT)
    await stage.until(lambda: "answer" in stage.shown_form(boss))
    stage.fill_in(boss, answer="This is right.")
    await stage.until(lambda: "This is right." in stage.answers(asked)[0].text)

    (after,) = stage.answers(asked)
    assert after.id == seen.id
    assert "orrected" in after.text


@scenario("Others are told that they may not")
async def not_reviewer(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    stage.press(ana, await answered(stage, ana, channel, "Wrong?"), Action.CORRECT)
    await stage.until(lambda: stage.told(ana))

    assert not stage.shown_form(ana)


@scenario("Reviewers decide with buttons on what people liked")
async def review(stage: Stage) -> None:
    boss, channel = stage.person("boss", admin=True), stage.channel("general")
    ana = stage.person("ana")
    stage.press(ana, await answered(stage, ana, channel, "Good?"), Action.GOOD)
    await verdict(stage, ["good"])
    asked = stage.ask(boss, channel, "review")
    await stage.until(lambda: len(stage.answers(asked)) == 2)
    await stage.quiet()
    (card,) = [seen for seen in stage.answers(asked) if Action.APPROVE in seen.buttons]
    assert "Good?" in card.text
    stage.press(boss, card, Action.APPROVE)
    await stage.until(
        lambda: any("Approved by" in seen.text for seen in stage.answers(asked))
    )


@scenario("A question is tried again, in the same message")
async def retry(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "Again?")
    seen = await stage.answer(asked)
    turns = len(stage.backends["house"].turns)
    stage.press(ana, seen, Action.RETRY)
    await stage.until(lambda: len(stage.backends["house"].turns) == turns + 1)

    assert (await stage.answer(asked)).id == seen.id


@scenario(
    "The sources are shown with their words",
    slack="under the answer, folded",
    discord="by a button, to who pressed it",
)
async def sources(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    seen = await answered(stage, ana, channel, "Cited?")
    if Action.SOURCES in seen.buttons:
        stage.press(ana, seen, Action.SOURCES)
        await stage.until(lambda: stage.told(ana))
        assert "Walk-ins close at five." in stage.told(ana)[-1]
    else:
        assert "Walk-ins close at five." in seen.text


@scenario("A human is called, with a ping where the settings say so, and taken up once")
async def human(stage: Stage) -> None:
    ana, bo = stage.person("ana"), stage.person("bo")
    channel, desk = stage.channel("general"), stage.channel("desk")
    group, ping = stage.call("staff")
    stage.behave(channel, human_channel=desk, human_mention=group)
    asked = stage.ask(ana, channel, "Help?")
    stage.press(ana, await stage.answer(asked), Action.HUMAN)
    await stage.until(lambda: stage.posts(desk))
    (call,) = stage.posts(desk)
    stage.press(ana, stage.answers(asked)[0], Action.HUMAN)
    await stage.until(lambda: len(stage.told(ana)) >= 2)
    stage.press(bo, call, Action.RESOLVE)
    await stage.until(lambda: Action.RESOLVE not in stage.posts(desk)[0].buttons)

    assert call.pings == {ping}
    assert "Help?" in call.text
    assert len(stage.posts(desk)) == 1


@scenario("`forget me` erases what is kept of a person")
async def forget_me(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "My secret is blue?")
    await stage.answer(asked)
    stage.follow(ana, asked, "forget me")
    await stage.answer(asked, 2)
    stage.follow(ana, asked, "What was it?")

    assert "after 0: What was it?" in (await stage.answer(asked, 3)).text
    found = await stage.app.state.records.newest("answer", limit=50)
    assert not any("blue" in str(record.data) for record in found)


@scenario("`reset` forgets a conversation")
async def reset(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    asked = stage.ask(ana, channel, "First?")
    await stage.answer(asked)
    stage.follow(ana, asked, "reset")
    await stage.answer(asked, 2)
    stage.follow(ana, asked, "Second?")

    assert "after 0: Second?" in (await stage.answer(asked, 3)).text


@scenario("A person who asks too much is asked to wait")
async def limits(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("limited")
    stage.behave(channel, person_limit=1)
    await answered(stage, ana, channel, "One?")
    asked = stage.ask(ana, channel, "Two?")

    assert "a lot in a short time" in (await stage.answer(asked)).text


@scenario("In a channel that is off nobody is answered")
async def off(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("quiet")
    stage.behave(channel, listen="off")
    silent = stage.ask(ana, channel, "Anybody?")
    await answered(stage, ana, stage.channel("general"), "Hello?")

    assert stage.answers(silent) == []


@scenario("A blocked person is not answered")
async def blocked(stage: Stage) -> None:
    ana, bo, channel = stage.person("ana"), stage.person("bo"), stage.channel("general")
    stage.behave(channel, blocked=[bo])
    silent = stage.ask(bo, channel, "Anybody?")
    await answered(stage, ana, channel, "Hello?")

    assert stage.answers(silent) == []


@scenario("Where every message is a question, none needs a name")
async def every(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("help")
    stage.behave(channel, listen="every")
    asked = stage.say(ana, channel, "When do you open?")

    assert "house after 0: When do you open?" in (await stage.answer(asked)).text


@scenario("There the bot stays silent when a person answers first")
async def human_first(stage: Stage) -> None:
    ana, bo, channel = stage.person("ana"), stage.person("bo"), stage.channel("help")
    stage.behave(channel, listen="every", wait_for_humans_seconds=1)
    asked = stage.say(ana, channel, "When do you open?")
    await asyncio.sleep(0.2)
    stage.reply(bo, asked, "At nine.")
    other = stage.say(ana, channel, "And on Sundays?")
    await stage.answer(other)

    assert [seen.text for seen in stage.answers(asked)] == []


@scenario("In quiet hours only direct questions are answered")
async def quiet_hours(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("night")
    stage.behave(channel, listen="every", quiet_hours="00:00-23:59")
    silent = stage.say(ana, channel, "Anybody?")
    await answered(stage, ana, channel, "Hello?")

    assert stage.answers(silent) == []


@scenario("A file that comes with a question is read")
async def file(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    files = [("notes.txt", b"The key is in the box.")]
    asked = stage.ask(ana, channel, "What does it say?", files=files)

    assert "read notes.txt: The key is in the box." in (await stage.answer(asked)).text


@scenario("A question by the platform's command", slack="/ask", discord="/ask")
async def by_command(stage: Stage) -> None:
    ana, channel = stage.person("ana"), stage.channel("general")
    stage.command(ana, channel, "ask When do you open?")
    await stage.until(lambda: stage.posts(channel) or stage.told(ana))
    await stage.quiet()

    said = [*(it.text for it in stage.posts(channel)), *stage.told(ana)]
    assert any("house after 0: When do you open?" in text for text in said), said


@scenario('"Ask about this" in the menu of a message')
async def ask_about(stage: Stage) -> None:
    ana, bo, channel = stage.person("ana"), stage.person("bo"), stage.channel("general")
    said = stage.say(bo, channel, "The router blinks red.")
    stage.ask_about(ana, said)
    await stage.until(lambda: "question" in stage.shown_form(ana))
    stage.fill_in(ana, question="Why?")

    text = (await stage.answer(said)).text
    assert "Why?" in text
    assert "The router blinks red." in text
