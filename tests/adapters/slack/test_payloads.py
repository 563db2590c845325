"""Every event that Slack knows, and thousands that are broken: taken, and harmless."""

import copy
import json
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack.adapter import SlackAdapter
from adapters.slack.receiving import Receiver
from adapters.slack.settings import SlackSettings
from adapters.slack.workspaces import OneWorkspace
from bot.model import Edited, Event, Said
from bot.wire import dump_event, load_event

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]

SAMPLES: dict[str, JSON] = json.loads(
    (Path(__file__).parents[2] / "data" / "slack" / "events.json").read_text()
)
MUTATED = 20_000
SPOKEN = {None, "file_share", "me_message", "thread_broadcast"}
ODD: list[Any] = [
    *(None, "", 0, -1, 1.5, True, [], {}, [None], {"": ""}, 10**30),
    *("\x00", "\ud83d", "x" * 5_000, "<@", "<!channel>", "nan", "1e400", "T", "\u202e"),
]


class Filling:
    """Puts names of the local workspace into a sample, whose values are blank."""

    def __init__(self, slack: SlackServer, ada: str, channel: str) -> None:
        self._values: dict[str, Any] = {
            "user": ada,
            "user_id": ada,
            "channel": channel,
            "channel_id": channel,
            "team": "T00000001",
            "team_id": "T00000001",
            "text": f"<@{slack.bot_id}> what is it?",
            "bot_id": None,
            "item_user": slack.bot_id,
            "reaction": "+1",
            "authorizations": [{"team_id": "T00000001", "is_bot": True}],
        }
        self._next = 1_700_000_000

    def fill(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict) and not isinstance(self._values.get(key), list):
            return {name: self.fill(inner, name) for name, inner in value.items()}
        if key in self._values and not isinstance(value, dict):
            return self._values[key]
        if key == "ts" or key.endswith("_ts"):
            self._next += 1
            return f"{self._next}.000100"
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        return value


@pytest.fixture
def payloads(slack: SlackServer, ada: str, general: str) -> dict[str, JSON]:
    """An event of each type, in a channel with the bot."""
    filling = Filling(slack, ada, general)
    return {name: filling.fill(sample) for name, sample in SAMPLES.items()}


@pytest.fixture
async def receiver(settings: SlackSettings, box: Box) -> AsyncIterator[Receiver]:
    workspaces = OneWorkspace(settings)
    await workspaces.open()
    receiver = Receiver(workspaces, box)
    yield receiver
    await receiver.aclose()
    await workspaces.aclose()


async def test_every_event_is_acknowledged_and_only_questions_are_answered(
    slack: SlackServer, adapter: SlackAdapter, box: Box, payloads: dict[str, JSON]
) -> None:
    slack.sockets.ack_timeout = 5
    for payload in payloads.values():
        await slack.sockets.deliver("events_api", payload)
    await slack.settled()

    asked = {"AppMention", "Message", "MessageFileShare", "MessageMe"}
    asked |= {"MessageThreadBroadcast"}
    stamps = {payloads[name]["event"]["ts"] for name in asked}
    assert [sent.acked for sent in slack.sockets.delivered] == [True] * len(payloads)
    assert {said.message.id for said in box.of(Said)} == stamps
    assert len(slack.bot_messages()) == 0


class Mutator:
    """Breaks payloads, always in the same ways."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def broken(self, payload: JSON) -> JSON:
        changed = copy.deepcopy(payload)
        for _ in range(self._random.randint(1, 4)):
            ways: list[Callable[[JSON, str], None]] = [
                self._odd,
                self._gone,
                self._elsewhere,
                self._wrapped,
                self._retyped,
            ]
            places = list(_places(changed))
            if places:
                self._random.choice(ways)(*self._random.choice(places))
        return changed

    def _odd(self, where: JSON, key: str) -> None:
        where[key] = self._random.choice(ODD)

    def _gone(self, where: JSON, key: str) -> None:
        del where[key]

    def _elsewhere(self, where: JSON, key: str) -> None:
        other = self._random.choice(list(where))
        where[key], where[other] = where[other], where[key]

    def _wrapped(self, where: JSON, key: str) -> None:
        where[key] = self._random.choice([[where[key]], {"id": where[key]}])

    def _retyped(self, where: JSON, key: str) -> None:
        kinds = ["message", "app_mention", "reaction_added", "message_changed"]
        where[self._random.choice(["type", "subtype"])] = self._random.choice(kinds)


def _places(value: Any) -> Iterator[tuple[JSON, str]]:
    """Each key, with the object that it is in."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner)


def is_question(payload: JSON) -> bool:
    """Whether somebody said this to us, as far as the bare event tells."""
    event = payload.get("event")
    if not isinstance(event, dict):
        return False
    kind, subtype, said = event.get("type"), event.get("subtype"), event
    if kind == "message" and subtype == "message_changed":
        said, subtype = event.get("message") or {}, None
    by_person = bool(said.get("user")) and not said.get("bot_id")
    spoken = kind == "app_mention" or (kind == "message" and subtype in SPOKEN)
    return by_person and spoken


async def test_broken_payloads_are_acknowledged_and_answer_nothing(
    receiver: Receiver,
    box: Box,
    payloads: dict[str, JSON],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    mutator, names = Mutator(seed=1), list(payloads)
    acked, wrong = 0, list[str]()

    async def ack(answer: object = None) -> None:
        nonlocal acked
        acked += 1

    for number in range(MUTATED):
        payload = mutator.broken(payloads[names[number % len(names)]])
        acked, box.events = 0, {}
        await receiver.take("events_api", payload, ack)
        said = any(isinstance(event, Said | Edited) for event in box.events.values())
        if acked != 1 or (said and not is_question(payload)) or not storable(box):
            wrong.append(f"{acked} acks, {list(box.events)}: {json.dumps(payload)}")

    assert not wrong, wrong[:3]
    ours = [each for each in caplog.records if each.name.startswith("adapters")]
    assert all("the app was removed" in record.message for record in ours)


def storable(box: Box) -> bool:
    """Whether what was taken can be written down and read back."""
    return all(_same(event) for event in box.events.values())


def _same(event: Event) -> bool:
    if isinstance(event, Said | Edited):
        # The reception takes half characters out.
        event.message.text.encode("utf-8", "replace")
        if any("\ud800" <= char <= "\udfff" for char in event.message.text):
            return True
    return load_event(dump_event(event)) == event


async def test_broken_acts_are_acknowledged_too(
    receiver: Receiver, slack: SlackServer, ada: str, general: str
) -> None:
    user, place = slack.workspace.user(ada), slack.workspace.channel(general)
    acts = slack.payloads
    message = slack.workspace.message(general, slack.say(ada, general, "hm"))
    view = {"id": "V1", "callback_id": "x", "blocks": [], "state": {"values": {}}}
    button = {"type": "button", "action_id": "x", "block_id": "b", "value": "v"}
    originals = [
        ("slash_commands", acts.slash_command(user, place, "/curbside", "status", "")),
        ("interactive", acts.block_actions(user, message, button, "")),
        ("interactive", acts.view_actions(user, view, button)),
        ("interactive", acts.view(user, "view_submission", view)),
        ("interactive", acts.message_action(user, message, "ask_about_this", "")),
    ]
    mutator, acked = Mutator(seed=2), 0

    async def ack(answer: object = None) -> None:
        nonlocal acked
        acked += 1

    for number in range(1_000):
        kind, payload = originals[number % len(originals)]
        before = acked
        await receiver.take(kind, mutator.broken(payload), ack)
        assert acked > before
