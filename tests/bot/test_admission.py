"""Who is answered where: settings of places, limits, blocked people, quiet hours."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapter import Listening
from bot.admission import Admission
from bot.model import Author, ConversationId, Message, Said
from bot.place_settings import PlaceSettings
from bot.places import Places, is_quiet
from bot.settings import Settings
from bot.state.sqlite import SqliteState

HERE = ConversationId("discord", "G1", "C1", "t1")


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[SqliteState]:
    state = SqliteState(tmp_path / "state.db")
    await state.open()
    yield state
    await state.aclose()


class Judge:
    """An admission with a clock that the test moves."""

    def __init__(self, state: SqliteState, places: dict[str, dict[str, Any]]) -> None:
        settings = Settings(
            places={
                name: PlaceSettings.model_validate(place)
                for name, place in places.items()
            }
        )
        self.time = 1000.0
        self.today = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
        self.places = Places(settings, state.records)
        self.admission = Admission(
            self.places, clock=lambda: self.time, now=lambda: self.today
        )
        self._asked = 0

    async def ask(
        self,
        text: str = "what are the opening hours?",
        *,
        by: str = "U1",
        roles: frozenset[str] = frozenset(),
        direct: bool = True,
        place: ConversationId = HERE,
        id: str = "",
    ) -> str:
        """ "yes", "no", or the words that the person hears."""
        self._asked += 1
        message = Message(
            id=id or f"m{self._asked}",
            conversation=place,
            author=Author(by, roles=roles),
            text=text,
            sent_at=self.today,
            direct=direct,
        )
        verdict = await self.admission.judge(Said(message))
        if verdict.admitted:
            return "yes"
        return verdict.words or "no"


async def test_everybody_is_answered_where_nothing_is_set(state: SqliteState) -> None:
    judge = Judge(state, {})
    assert [await judge.ask() for _ in range(50)] == ["yes"] * 50


async def test_a_person_waits_after_their_limit_and_is_told_how_long(
    state: SqliteState,
) -> None:
    judge = Judge(state, {"discord:G1": {"person_limit": 2, "limit_minutes": 10}})
    assert [await judge.ask(), await judge.ask()] == ["yes", "yes"]
    judge.time += 60
    assert "in 9 minutes" in await judge.ask()
    assert await judge.ask(by="U2") == "yes"
    judge.time += 541
    assert await judge.ask() == "yes"


async def test_the_limit_of_one_server_is_none_of_another(state: SqliteState) -> None:
    judge = Judge(state, {"discord": {"person_limit": 1}})
    assert await judge.ask() == "yes"
    assert await judge.ask(place=ConversationId("discord", "G2", "C9", "t")) == "yes"
    assert await judge.ask(place=ConversationId("discord", "G1", "C2", "t")) != "yes"


async def test_a_message_that_comes_twice_counts_once(state: SqliteState) -> None:
    judge = Judge(state, {"default": {"person_limit": 2}})
    answers = [await judge.ask(id="a"), await judge.ask(id="a"), await judge.ask()]
    assert answers == ["yes"] * 3
    assert await judge.ask(id="a") == "yes"
    assert await judge.ask() != "yes"


async def test_what_is_refused_does_not_count(state: SqliteState) -> None:
    judge = Judge(state, {"default": {"person_limit": 1, "limit_minutes": 1}})
    await judge.ask()
    for _ in range(10):
        judge.time += 5
        assert await judge.ask() != "yes"
    judge.time += 11
    assert await judge.ask() == "yes"


async def test_the_most_generous_role_counts(state: SqliteState) -> None:
    judge = Judge(
        state,
        {"default": {"person_limit": 1, "role_limits": {"Member": 2, "Staff": 0}}},
    )
    member, staff = frozenset({"Member"}), frozenset({"Member", "Staff"})
    assert [await judge.ask(by="m", roles=member) for _ in range(2)] == ["yes"] * 2
    assert await judge.ask(by="m", roles=member) != "yes"
    assert [await judge.ask(by="s", roles=staff) for _ in range(9)] == ["yes"] * 9


async def test_a_channel_has_a_limit_of_its_own(state: SqliteState) -> None:
    judge = Judge(state, {"discord:G1:C1": {"channel_limit": 3}})
    assert [await judge.ask(by=f"U{n}") for n in range(3)] == ["yes"] * 3
    assert "This channel" in await judge.ask(by="U9")
    assert await judge.ask(place=ConversationId("discord", "G1", "C2", "t")) == "yes"


async def test_what_was_not_said_to_us_is_passed_over_silently(
    state: SqliteState,
) -> None:
    judge = Judge(state, {"default": {"person_limit": 1, "listen": "every"}})
    assert await judge.ask(direct=False) == "yes"
    assert await judge.ask(direct=False) == "no"


@pytest.mark.parametrize("blocked", ["U1", "Trolls"])
async def test_the_blocked_get_no_answer_and_no_command(
    state: SqliteState, blocked: str
) -> None:
    judge = Judge(state, {"discord": {"blocked": [blocked]}})
    assert await judge.ask(roles=frozenset({"Trolls"})) == "no"
    assert await judge.ask("status", roles=frozenset({"Trolls"})) == "no"
    assert await judge.ask(by="U2") == "yes"


async def test_commands_are_free(state: SqliteState) -> None:
    judge = Judge(state, {"default": {"person_limit": 1, "listen": "off"}})
    assert await judge.ask("status") == "yes"
    assert await judge.ask() == "no"


async def test_at_night_only_direct_questions_are_answered(state: SqliteState) -> None:
    place = {"quiet_hours": "22:00-07:00", "timezone": "Europe/Berlin"}
    judge = Judge(state, {"discord:G1": place})
    judge.today = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)  # 22:30 in Berlin
    assert await judge.ask(direct=False) == "no"
    assert await judge.ask() == "yes"
    judge.today = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # 07:30 in Berlin
    assert await judge.ask(direct=False) == "yes"


@pytest.mark.parametrize(
    ("hours", "hour", "quiet"),
    [
        ("", 3, False),
        ("09:00-17:00", 9, True),
        ("09:00-17:00", 17, False),
        ("22:00-07:00", 23, True),
        ("22:00-07:00", 6, True),
        ("22:00-07:00", 12, False),
    ],
)
def test_quiet_hours_may_go_over_midnight(hours: str, hour: int, quiet: bool) -> None:
    now = datetime(2026, 11, 20, hour, tzinfo=UTC)
    assert is_quiet(PlaceSettings(quiet_hours=hours), now) is quiet


async def test_a_narrow_place_inherits_what_it_leaves_out(state: SqliteState) -> None:
    places = Judge(
        state,
        {
            "default": {"person_limit": 5, "human_channel": "H"},
            "discord:G1": {"person_limit": 3},
            "discord:G1:C1": {"listen": "every"},
        },
    ).places
    place = await places.of(HERE)
    assert (place.person_limit, place.human_channel) == (3, "H")
    assert place.listen is Listening.EVERY


async def test_what_an_admin_changed_wins_over_the_settings(state: SqliteState) -> None:
    places = Judge(state, {"discord:G1:C1": {"listen": "every"}}).places
    await places.listen(HERE, Listening.OFF, by="discord:U7")
    assert (await places.of(HERE)).listen is Listening.OFF
    elsewhere = ConversationId("discord", "G1", "C2")
    assert (await places.of(elsewhere)).listen is Listening.MENTION
