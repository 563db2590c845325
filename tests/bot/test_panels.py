"""The panel, and what its buttons do."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from house import ANN, BOSS, PLACE, House, Start

from backends.base import End, EndReason, Health, Text
from backends.knowledge.store import DocumentRecord
from bot.adapter import AdapterHealth
from bot.model import (
    Action,
    Author,
    Button,
    ConversationId,
    Form,
    Message,
    Panel,
    PanelSection,
    Pressed,
)
from bot.state.base import Record, Route
from bot.testing import ScriptedBackend, says
from bot.words import say

OPERATOR = Author("op", "Olga")
REVIEWER = Author("rev", "Rita")
ELSEWHERE = ConversationId("memory", "w2", "c2", "t")
DOCUMENTS = [
    DocumentRecord("a.md", "1", "Opening hours", labels=frozenset({"public"})),
    DocumentRecord("b.md", "1", "Salaries", labels=frozenset({"staff"})),
    DocumentRecord("taught/x", "1", "Where is room 4?", labels=frozenset({"public"})),
]


async def documents(collection: str) -> list[DocumentRecord]:
    return DOCUMENTS


async def shown(house: House, author: Author, place: ConversationId = PLACE) -> Panel:
    panels = replace(house.app.reception.panels, documents=documents)
    return await panels.panel(house.message("", author, place))


def section(panel: Panel, title: str) -> PanelSection:
    return next(each for each in panel.sections if each.title == title)


def text(panel: Panel) -> str:
    return "\n".join(f"{each.title}\n{each.text}" for each in panel.sections)


async def two(start: Start) -> House:
    return await start(
        plain=ScriptedBackend(says("plain")), tuned=ScriptedBackend(says("tuned"))
    )


async def test_everyone_sees_what_it_knows_and_remembers(start: Start) -> None:
    house = await start()
    await house.ask("one")
    await house.ask("two", Author("bob"))

    panel = await shown(house, ANN)

    titles = [each.title for each in panel.sections]
    assert titles == [say("panel_knows"), say("panel_remembers")]
    knows = section(panel, say("panel_knows")).text
    assert "Opening hours" in knows
    assert "Salaries" not in knows
    memory = section(panel, say("panel_remembers"))
    assert memory.text.splitlines() == [
        say("panel_memory", count=1),
        say("remembered", count=2),
    ]
    assert [each.action for each in memory.buttons] == [Action.RESET, Action.FORGET]


async def test_admins_see_what_answers_and_what_is_open(start: Start) -> None:
    house = await start(place={"human_channel": "humans"})
    await house.ask("use plain", BOSS)
    await house.ask("When do walk-ins close?")
    answer = house.platform.messages[-1]
    await house.press(answer.button(Action.BAD))
    await house.press(answer.button(Action.HUMAN))
    await house.quiet()

    panel = await shown(house, BOSS)

    assert "`plain`: scripted; ready" in section(panel, say("panel_answers")).text
    assert "plain" in section(panel, "c").text
    case = section(panel, say("panel_case", name="Ann"))
    assert case.text.startswith("When do walk-ins close?")
    assert section(panel, say("panel_unanswered", count=1))
    gap = section(panel, "When do walk-ins close?")
    assert [each.action for each in gap.buttons] == [Action.CORRECT]
    assert "The Boss switched memory:w:c:" in section(panel, say("panel_audit")).text

    await house.press(case.buttons[0], BOSS, replace(PLACE, channel="home"))
    await house.quiet()
    assert say("panel_case", name="Ann") not in text(await shown(house, BOSS))


async def test_a_panel_is_silent_about_other_workspaces(start: Start) -> None:
    house = await start(place={"human_channel": "humans"})
    await house.ask("use plain", BOSS, ELSEWHERE)
    await house.ask("our secret?", ANN, ELSEWHERE)
    answer = house.platform.messages[-1]
    await house.press(answer.button(Action.BAD), ANN, ELSEWHERE)
    await house.press(answer.button(Action.HUMAN), ANN, ELSEWHERE)
    await house.quiet()

    words = text(await shown(house, BOSS))

    for secret in ("secret", "w2", "c2", "The Boss"):
        assert secret not in words
    assert "w2" not in str(await house.ask("backends", BOSS))
    assert "w2" not in str(await house.ask("status", BOSS))


async def test_a_reviewer_answers_in_the_panel_what_was_not_answered(
    start: Start,
) -> None:
    silent = ScriptedBackend(lambda turn: [Text("?"), End(EndReason.ABSTAINED)])
    house = await start(silent=silent, reviewers=["memory:rev"])
    await house.ask("Where is room 4?")
    home = replace(PLACE, channel="home", thread="")
    [answer] = section(await shown(house, REVIEWER), "Where is room 4?").buttons

    assert await house.press(answer, ANN, home) == say("too_old")
    elsewhere = replace(home, workspace="w2")
    assert await house.press(answer, REVIEWER, elsewhere) == say("too_old")
    assert isinstance(await house.press(answer, REVIEWER, home), Form)
    fields = {"answer": "Upstairs."}
    await house.press(answer, REVIEWER, home, fields=fields)
    await house.quiet()

    assert house.platform.texts() == ["Upstairs.\nCorrected by Rita."]
    assert say("panel_unanswered", count=1) not in text(await shown(house, REVIEWER))


async def test_what_was_missed_is_listed(start: Start) -> None:
    house = await start()
    data = {"question": "anyone?", "author": "Bob", "place": str(PLACE), "url": "u1"}
    now = house.message("").sent_at
    missed = Record("missed", "1", data, now, "memory:bob", "memory:w")
    await house.app.state.records.put(missed)

    listed = section(await shown(house, BOSS), say("panel_missed", count=1))

    assert listed.text == "- anyone? (u1)"


async def test_a_switch_by_form(start: Start) -> None:
    house = await two(start)
    await house.ask("hello?")
    button = Button(Action.SWITCH, "Switch")

    form = await house.press(button, BOSS)

    assert isinstance(form, Form)
    profile, place, share = form.fields
    assert [choice.value for choice in profile.choices] == ["plain", "tuned"]
    assert [choice.value for choice in place.choices] == ["memory:w:c:", "memory:w::"]
    assert share.initial == "100"
    fields = {"profile": "tuned", "place": "memory:w:c:", "share": ""}
    said = await house.press(button, BOSS, fields=fields)
    assert "`tuned` answers questions in this channel" in str(said)
    assert await house.ask("one") == "tuned"


async def test_a_share_by_form_and_the_same_form_twice(start: Start) -> None:
    house = await two(start)
    fields = {"profile": "tuned", "place": "memory:w:c:", "share": " 20 % "}
    sent = Pressed(PLACE, BOSS, Action.SWITCH, "s1", fields=fields)

    first = await house.app.reception.press(sent)
    second = await house.app.reception.press(sent)

    assert "20 % of the conversations" in str(first)
    assert first == second
    routes = await house.app.state.routes.all()
    assert routes == {"memory:w:c:": Route(None, "tuned", 20)}
    assert len(await house.app.state.routes.audit()) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"profile": "gpt-9", "place": "memory:w:c:"}, "no backend named"),
        ({"profile": "tuned", "place": "memory:w:c:", "share": "half"}, "1 to 100"),
        ({"profile": "tuned", "place": "memory:w:c:", "share": "0"}, "1 to 100"),
        ({"profile": "tuned", "place": "memory:w2:c:"}, "do not know that place"),
        ({"profile": "tuned"}, "do not know that place"),
        ({"profile": "tuned", "place": "default"}, "setting `admins`"),
    ],
    ids=["profile", "no number", "nothing", "another's", "no place", "default"],
)
async def test_a_form_that_cannot_be_carried_out(
    start: Start, fields: dict[str, Any], words: str
) -> None:
    house = await two(start)

    said = await house.press(Button(Action.SWITCH, "Switch"), BOSS, fields=fields)

    assert words in str(said)
    assert await house.app.state.routes.all() == {}


async def test_only_admins_switch_by_form(start: Start) -> None:
    house = await two(start)
    fields = {"profile": "tuned", "place": "memory:w:c:"}

    for action in (Action.SWITCH, Action.UNDO):
        assert await house.press(Button(action, "x")) == say("not_admin")
    said = await house.press(Button(Action.SWITCH, "x"), fields=fields)
    assert said == say("not_admin")
    assert await house.app.state.routes.all() == {}


async def test_an_operator_may_switch_the_default(start: Start) -> None:
    house = await two(start)
    house.app.settings.admins.append("memory:op")
    button = Button(Action.SWITCH, "Switch")

    form = await house.press(button, OPERATOR)
    assert isinstance(form, Form)
    assert "default" in [choice.value for choice in form.fields[1].choices]
    await house.press(button, OPERATOR, fields={"profile": "tuned", "place": "default"})
    assert await house.ask("one") == "tuned"


async def test_an_undo_names_what_it_takes_back(start: Start) -> None:
    house = await two(start)
    undo = Button(Action.UNDO, "Undo")
    assert await house.press(undo, BOSS) == say("nothing_to_undo")
    await house.ask("use tuned", BOSS)

    form = await house.press(undo, BOSS, replace(PLACE, channel="home"))

    assert isinstance(form, Form)
    assert form.fields == ()
    assert "The Boss" in form.text
    assert "tuned → (nothing set)" in form.text
    confirmed = replace(undo, value=form.value)
    said = await house.press(confirmed, BOSS, fields={})
    assert "Taken back in this channel" in str(said)
    assert await house.ask("one") == "plain"


async def test_an_undo_of_what_is_not_the_last_any_more(start: Start) -> None:
    house = await two(start)
    await house.ask("use tuned", BOSS)
    form = await house.press(Button(Action.UNDO, "Undo"), BOSS)
    assert isinstance(form, Form)
    await house.ask("use plain workspace", BOSS)

    said = await house.press(Button(Action.UNDO, "", form.value), BOSS, fields={})

    assert said == say("undo_changed")
    assert await house.ask("one") == "tuned"


async def test_an_undo_does_not_reach_other_workspaces(start: Start) -> None:
    house = await two(start)
    await house.ask("use tuned", BOSS, ELSEWHERE)

    assert await house.press(Button(Action.UNDO, ""), BOSS) == say("nothing_to_undo")


async def test_reset_and_forget_me_by_button(start: Start) -> None:
    house = await start()
    await house.ask("one")

    said = await house.press(Button(Action.RESET, ""))
    assert said == say("reset_done", count=1)
    await house.ask("two")
    form = await house.press(Button(Action.FORGET, ""))
    assert isinstance(form, Form)
    assert form.text == say("forget_confirm")
    assert "1 of your questions" in str(
        await house.press(Button(Action.FORGET, ""), fields={})
    )
    assert await house.app.state.records.newest("answer") == []


async def test_suggestions_are_what_the_place_may_see(start: Start) -> None:
    house = await start()
    suggested = house.app.reception.suggested
    suggested.documents = documents
    await suggested.look()

    assert house.app.reception.suggestions(PLACE) == [
        "Where is room 4?",
        say("suggestion", title="Opening hours"),
    ]


async def test_a_panel_without_documents_says_why(start: Start) -> None:
    house = await start()
    message = Message("1", PLACE, ANN, "", house.message("").sent_at)

    panel = await house.app.reception.panel(message)

    assert section(panel, say("panel_knows")).text


async def test_a_backend_that_does_not_answer_does_not_hold_a_switch_up(
    start: Start,
) -> None:
    class Stuck(ScriptedBackend):
        async def health(self) -> Health:
            await asyncio.sleep(60)
            return Health(ok=True)

    house = await start(plain=ScriptedBackend(says("plain")), stuck=Stuck(says("")))
    fields = {"profile": "stuck", "place": "memory:w:c:"}

    async with asyncio.timeout(2.5):
        said = await house.press(Button(Action.SWITCH, ""), BOSS, fields=fields)

    assert "`stuck` answers questions" in str(said)
    assert "no answer within 1.5 s" in str(said)


async def test_an_admin_sees_what_the_platform_lacks(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await start()

    async def health() -> AdapterHealth:
        return AdapterHealth(ok=False, problems=("switch the intent on",))

    monkeypatch.setattr(house.platform, "health", health)

    boss, ann = await shown(house, BOSS), await shown(house, ANN)

    assert section(boss, say("panel_problems")).text == "- switch the intent on"
    assert "switch the intent on" not in text(ann)
