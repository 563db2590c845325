"""Answers that grow as Slack's streams: exactly one whole answer, whatever breaks."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from servers.slack import BOT_TOKEN, SlackServer

from adapters.slack.adapter import SlackAdapter
from adapters.slack.blocks import layouts
from adapters.slack.settings import SlackSettings
from adapters.slack.settling import extension, settled
from adapters.slack.streaming import STARTS_PER_MINUTE, Streams
from bot.errors import DeliveryError
from bot.model import (
    Action,
    Answer,
    Button,
    ConversationId,
    Delivery,
    SentPart,
    Source,
)
from bot.outgoing import Ledger, Outgoing

pytest_plugins = ("servers.slack.fixtures",)

WHOLE = "The ward opens at nine and closes at five, but not on Sundays."
WORDS = WHOLE.split()
SOURCE = Source(1, "Handbook", "Hours", "Nine to five.", "https://handbook.example/h")
BUTTONS = (Button(Action.GOOD, "Good", "a"), Button(Action.BAD, "Bad", "a"))


@pytest.fixture
def settings(slack: SlackServer) -> SlackSettings:
    return SlackSettings(
        bot_token=BOT_TOKEN,
        api_url=slack.api_url,
        timeout_seconds=0.5,
        edit_seconds=0.02,
    )


@pytest.fixture
async def adapter(settings: SlackSettings) -> AsyncIterator[SlackAdapter]:
    async for adapter in opened(settings):
        yield adapter


async def opened(settings: SlackSettings) -> AsyncIterator[SlackAdapter]:
    async def no_time(seconds: float) -> None: ...

    adapter = SlackAdapter(settings, sleep=no_time)
    await adapter.open()
    yield adapter
    await adapter.aclose()


@pytest.fixture
async def delivery(slack: SlackServer, ada: str, general: str) -> Delivery:
    question = slack.say(ada, general, "when?", mention_bot=True)
    place = ConversationId("slack", "T00000001", general, question)
    token = f"T00000001:{ada}"
    return Delivery("a1", place, ("k",), question, token, (SentPart(0),))


def outgoing(
    adapter: SlackAdapter, delivery: Delivery, *, fresh: bool = True
) -> Outgoing:
    async def record(_: Delivery) -> None: ...

    async def guard() -> None: ...

    return Outgoing(adapter, Ledger(record, guard, 2.0), delivery, fresh=fresh)


async def grow(
    slack: SlackServer, sending: Outgoing, *counts: int, step: str = ""
) -> None:
    """Show the answer up to so many words at a time, each of them written."""
    for count in counts or (3, 6, 9):
        before = len(slack.calls)
        sending.show(Answer(" ".join(WORDS[:count]) + " ", step=step))
        await slack.wait_for(lambda before=before: len(slack.calls) > before)
        await asyncio.sleep(0.05)


def methods(slack: SlackServer) -> list[str]:
    return [call.method for call in slack.calls if call.method.startswith("chat.")]


def still_growing(slack: SlackServer, delivery: Delivery) -> bool:
    """Whether a stream of the answer is open."""
    streaming, channel = slack.web_api.streaming, delivery.conversation.channel
    return any(streaming.growing(channel, m["ts"]) for m in slack.bot_messages())


def whole(text: str = WHOLE) -> Answer:
    return Answer(text, complete=True)


async def test_an_answer_grows_in_a_stream(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    sending = outgoing(adapter, delivery)
    await grow(slack, sending, step="searching the handbook")
    final = Answer(f"{WHOLE} [1]", (SOURCE,), complete=True, buttons=BUTTONS)
    await sending.finish(final)

    (message,) = slack.bot_messages(thread=delivery.question_id)
    kinds = [block["type"] for block in message["blocks"]]
    sent = methods(slack)
    assert message["text"].startswith(WHOLE)
    assert message["metadata"]["event_payload"] == {"key": "a1-0"}
    assert kinds[0] == "task_card"
    assert message["blocks"][0]["title"] == "Searching the handbook"
    assert message["blocks"][0]["sources"][0]["url"] == SOURCE.url
    assert kinds[-2:] == ["container", "context_actions"]
    assert sent[0] == "chat.startStream"
    assert sent[-1] == "chat.stopStream"
    assert set(sent[1:-1]) == {"chat.appendStream"}


async def test_a_source_may_come_after_its_sentence(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    sending = outgoing(adapter, delivery)
    sentence = "The ward opens at nine [1] on all days"
    for text, sources in (
        ("The ward opens ", ()),
        (f"{sentence} of ", ()),
        (f"{sentence}. It closes ", (SOURCE,)),
        (f"{sentence}. It closes at five. ", (SOURCE,)),
    ):
        sending.show(Answer(text, sources))
        await asyncio.sleep(0.06)
    final = Answer(f"{sentence}. It closes at five.", (SOURCE,), complete=True)
    await sending.finish(final)

    (message,) = slack.bot_messages(thread=delivery.question_id)
    assert set(methods(slack)) == {
        *("chat.startStream", "chat.appendStream", "chat.stopStream")
    }
    linked = f"The ward opens at nine [\\[1\\]]({SOURCE.url}) on all days."
    assert message["text"].startswith(linked)


def test_a_number_without_a_source_does_not_hold_an_answer_up() -> None:
    text = "It is in chapter [5] of the book. " + "More words. " * 50
    (growing,) = layouts(Answer(text))

    (block,) = settled(growing)
    assert block["text"].startswith("It is in chapter [5] of the book. More")


async def test_people_see_that_it_works_and_can_stop_it(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    sending = outgoing(adapter, delivery)
    await grow(slack, sending)
    place = (delivery.conversation.channel, delivery.question_id)
    working = dict(slack.web_api.agents.sessions[place])
    await sending.finish(whole())

    assert working["status"] == "processing"
    assert slack.web_api.agents.sessions[place]["status"] == "active"


async def test_an_answer_that_is_there_at_once_is_one_post(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    await outgoing(adapter, delivery).finish(whole())

    assert methods(slack) == ["chat.postMessage"]


FAULTS = (
    *("drop_before", "drop_after", "http500", "http500_after", "html"),
    *("ratelimited", "error:message_not_in_streaming_state"),
)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("write", range(5))
async def test_there_is_one_whole_answer_whichever_write_goes_wrong(
    slack: SlackServer,
    adapter: SlackAdapter,
    delivery: Delivery,
    write: int,
    kind: str,
) -> None:
    method = ("startStream", "appendStream", "appendStream", "stopStream", "update")
    if method[write] == "update":
        slack.fail("chat.stopStream", kind="error:message_not_in_streaming_state")
        if kind.startswith("error"):
            kind = "error:streaming_state_conflict"
    sending = outgoing(adapter, delivery)
    if write < 2:
        slack.fail(f"chat.{method[write]}", kind=kind)
    await grow(slack, sending, 3, 6)
    if write >= 2:
        slack.fail(f"chat.{method[write]}", kind=kind)
    await grow(slack, sending, 9, 11, 12)
    await sending.finish(whole())

    answers = slack.bot_messages(thread=delivery.question_id)
    assert [answer["text"] for answer in answers] == [WHOLE]
    assert not still_growing(slack, delivery)
    assert answers[0]["metadata"]["event_payload"] == {"key": "a1-0"}


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
async def test_the_last_write_may_go_wrong_twice(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery, kind: str
) -> None:
    sending = outgoing(adapter, delivery)
    await grow(slack, sending)
    slack.fail("chat.stopStream", kind=kind)
    slack.fail("chat.update", kind=kind)
    await sending.finish(whole())

    answers = slack.bot_messages(thread=delivery.question_id)
    assert [answer["text"] for answer in answers] == [WHOLE]


async def test_another_process_goes_on_in_the_same_message(
    slack: SlackServer,
    adapter: SlackAdapter,
    settings: SlackSettings,
    delivery: Delivery,
) -> None:
    dying = outgoing(adapter, delivery)
    await grow(slack, dying)
    await dying.aclose()
    async for another in opened(settings):
        sending = outgoing(another, dying.delivery, fresh=False)
        await grow(slack, sending, 10, 12)
        session = slack.web_api.agents.sessions[
            delivery.conversation.channel, delivery.question_id
        ]
        assert session["status"] == "processing"
        await sending.finish(whole())
        assert session["status"] == "active"

    answers = slack.bot_messages(thread=delivery.question_id)
    assert [answer["text"] for answer in answers] == [WHOLE]


async def test_another_process_finds_a_stream_that_was_not_written_down(
    slack: SlackServer,
    adapter: SlackAdapter,
    settings: SlackSettings,
    delivery: Delivery,
) -> None:
    part = adapter.render(Answer("The ward opens "))[0]
    id_ = await adapter.post(delivery, 0, part)

    async for another in opened(settings):
        assert await another.find(delivery, 0) == id_
        assert await another.find(delivery, 1) is None
        await outgoing(another, delivery, fresh=False).finish(whole())

    answers = slack.bot_messages(thread=delivery.question_id)
    assert [answer["text"] for answer in answers] == [WHOLE]


async def test_a_stream_ends_before_slack_ends_it(
    slack: SlackServer, settings: SlackSettings, delivery: Delivery
) -> None:
    async for adapter in opened(settings):
        adapter._streams = Streams(life_seconds=0.05)
        sending = outgoing(adapter, delivery)
        await grow(slack, sending, 3, 6, 9, 12)
        await sending.finish(whole())

    answers = slack.bot_messages(thread=delivery.question_id)
    outcomes = {call.outcome for call in slack.calls}
    assert [answer["text"] for answer in answers] == [WHOLE]
    assert "chat.update" in methods(slack)
    assert outcomes == {"ok"}


async def test_a_stream_that_slack_ended_is_edited(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    slack.web_api.streaming.seconds = 0.05
    sending = outgoing(adapter, delivery)
    await grow(slack, sending, 3, 6, 9, 12)
    await sending.finish(whole())

    answers = slack.bot_messages(thread=delivery.question_id)
    assert [answer["text"] for answer in answers] == [WHOLE]


async def test_a_person_stops_a_stream(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery, ada: str
) -> None:
    sending = outgoing(adapter, delivery)
    await grow(slack, sending)
    place = delivery.conversation
    assert slack.stop_agent(ada, place.channel, place.thread)
    stopped = replace(sending.latest, notice="Stopped.", complete=True)
    await sending.finish(stopped)

    (answer,) = slack.bot_messages(thread=delivery.question_id)
    assert answer["text"].startswith(stopped.text.strip())
    assert answer["text"].endswith("_Stopped._")


async def test_a_growing_answer_that_is_deleted_stays_deleted(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery, ada: str
) -> None:
    sending = outgoing(adapter, delivery)
    await grow(slack, sending)
    (answer,) = slack.bot_messages(thread=delivery.question_id)
    slack.delete(ada, delivery.conversation.channel, answer["ts"])
    await sending.finish(whole())

    assert slack.bot_messages(thread=delivery.question_id) == []


async def test_an_answer_that_begins_anew_is_edited(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    sending = outgoing(adapter, delivery)
    await grow(slack, sending)
    await sending.finish(whole("Something else altogether."))

    answers = slack.bot_messages(thread=delivery.question_id)
    assert [answer["text"] for answer in answers] == ["Something else altogether."]


async def test_a_table_in_a_stream_becomes_one(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    table = "Doses: \n\n| Age | Dose |\n|---|---|\n| 6 | 5 ml |\n\nAsk when in doubt."
    sending = outgoing(adapter, delivery)
    for end in (8, 20, 45, 60, 70):
        sending.show(Answer(table[:end]))
        await asyncio.sleep(0.06)
    await sending.finish(whole(table))

    (answer,) = slack.bot_messages(thread=delivery.question_id)
    kinds = [block["type"] for block in answer["blocks"]]
    assert kinds.count("table") == 1
    assert kinds.index("table") not in (0, len(kinds) - 1)


async def test_a_long_answer_grows_from_one_message_into_the_next(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    text = "\n\n".join(f"{number}. " + "word " * 100 for number in range(60))
    sending = outgoing(adapter, delivery)
    for end in range(2_000, len(text), 6_000):
        sending.show(Answer(text[:end]))
        await asyncio.sleep(0.06)
    await sending.finish(whole(text))

    answers = slack.bot_messages(thread=delivery.question_id)
    found = [re.findall(r"(\d+)\.", answer["text"]) for answer in answers]
    assert [int(n) for numbers in found for n in numbers] == sorted(
        int(n) for numbers in found for n in numbers
    )
    assert len(answers) == len(adapter.render(whole(text))) == 3
    assert not still_growing(slack, delivery)


async def test_more_answers_than_streams_may_begin(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery, ada: str
) -> None:
    slack.limits.tiers = True
    channel = delivery.conversation.channel
    for number in range(25):
        question = slack.say(ada, channel, f"{number}?", mention_bot=True)
        place = replace(delivery.conversation, thread=question)
        one = replace(
            delivery, answer_id=str(number), question_id=question, conversation=place
        )
        await adapter.post(one, 0, adapter.render(Answer("The ward "))[0])

    assert methods(slack).count("chat.startStream") == STARTS_PER_MINUTE
    assert methods(slack).count("chat.postMessage") == 25 - STARTS_PER_MINUTE
    assert len(slack.bot_messages()) == 25


@pytest.mark.parametrize("kind", ["ratelimited", "error:unknown_method"])
async def test_where_streams_are_refused_they_are_not_tried_at_once_again(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery, kind: str
) -> None:
    slack.fail("chat.startStream", kind=kind)
    part = adapter.render(Answer("The ward "))[0]

    await adapter.post(delivery, 0, part)
    await adapter.post(delivery, 1, part)

    assert methods(slack) == ["chat.startStream", *["chat.postMessage"] * 2]


async def test_a_thread_that_is_gone_refuses_no_stream_elsewhere(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery, ada: str
) -> None:
    place = delivery.conversation
    other = slack.say(ada, place.channel, "and when?", mention_bot=True)
    slack.delete(ada, place.channel, delivery.question_id)
    part = adapter.render(Answer("The ward "))[0]

    with pytest.raises(DeliveryError, match="was deleted"):
        await adapter.post(delivery, 0, part)
    elsewhere = replace(
        delivery, question_id=other, conversation=replace(place, thread=other)
    )
    await adapter.post(elsewhere, 0, part)

    assert methods(slack)[-1] == "chat.startStream"


async def test_an_answer_that_is_edited_has_a_session_too(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    sending = outgoing(adapter, replace(delivery, reply_token=""))
    await grow(slack, sending, 3)
    place = (delivery.conversation.channel, delivery.question_id)
    session = await slack.wait_for(lambda: slack.web_api.agents.sessions.get(place))
    assert session["status"] == "processing"
    await sending.finish(whole())

    assert session["status"] == "active"


async def test_without_an_asker_there_is_no_stream(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    nobody = replace(delivery, reply_token="")

    await adapter.post(nobody, 0, adapter.render(Answer("The ward "))[0])

    assert methods(slack) == ["chat.postMessage"]


async def test_refused_blocks_are_sent_as_text(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    slack.fail("chat.postMessage", kind="error:invalid_blocks")
    part = adapter.render(whole("**42**"))[0]

    await adapter.post(delivery, 0, part)

    assert slack.calls[-1].arguments["markdown_text"] == "**42**"
    assert len(slack.bot_messages()) == 1


async def test_what_slack_never_ends_is_tried_later(
    slack: SlackServer, adapter: SlackAdapter, delivery: Delivery
) -> None:
    id_ = await adapter.post(delivery, 0, adapter.render(whole())[0])
    slack.fail("chat.update", times=2, kind="error:streaming_state_conflict")

    with pytest.raises(DeliveryError, match="does not end"):
        await adapter.edit(delivery, id_, adapter.render(whole("other"))[0])


GALLERY = Path(__file__).with_name("gallery")


@pytest.mark.parametrize("step", [1, 7, 40])
@pytest.mark.parametrize(
    "path", sorted(GALLERY.glob("*.md")), ids=lambda path: path.stem
)
def test_what_was_streamed_is_what_the_whole_answer_begins_with(
    path: Path, step: int
) -> None:
    text = path.read_text("utf-8")[: 500 + 50 * step].strip()
    hosts = ("handbook.example",)
    sent: list[dict[str, object]] = []
    for end in range(0, len(text), step):
        (growing,) = layouts(Answer(text[:end], link_hosts=hosts))
        now = settled(growing)
        if extension(now, sent) is None:
            assert extension(sent, now) is not None
            sent = now
    (whole,) = layouts(Answer(text, link_hosts=hosts, complete=True))

    assert extension(sent, [item.block for item in whole.content]) is not None
