"""One answer, shown while it grows, exactly once."""

import asyncio
from collections.abc import Callable

import pytest

from bot.adapter import Part
from bot.errors import (
    ClaimLost,
    DeliveryImpossible,
    DeliveryLater,
    DeliveryUnclear,
    MessageGone,
)
from bot.model import Answer, ConversationId, Delivery, SentPart
from bot.outgoing import Ledger, Outgoing
from bot.testing import RecordingAdapter

PLACE = ConversationId("memory", "w", "c", "t")


class Book:
    """A ledger in memory."""

    def __init__(self) -> None:
        self.entries: list[Delivery] = []
        self.lost = False

    async def record(self, delivery: Delivery) -> None:
        await self.guard()
        self.entries.append(delivery)

    async def guard(self) -> None:
        if self.lost:
            raise ClaimLost("gone")

    def ledger(self) -> Ledger:
        return Ledger(self.record, self.guard, post_seconds=0.5)


def outgoing(
    adapter: RecordingAdapter,
    book: Book,
    *parts: SentPart,
    fresh: bool = True,
) -> Outgoing:
    delivery = Delivery("a", PLACE, ("k",), "1", parts=parts or (SentPart(0),))
    return Outgoing(adapter, book.ledger(), delivery, fresh=fresh)


def once(error: Exception, *, call: str) -> Callable[[str, str], Exception | None]:
    """A fault that happens the first time only."""
    left = [error]
    return lambda name, key: left.pop() if name == call and left else None


async def test_an_answer_grows_in_one_message() -> None:
    adapter, book = RecordingAdapter(), Book()
    sending = outgoing(adapter, book)

    for text in ("Walk-ins", "Walk-ins close", "Walk-ins close at four"):
        sending.show(Answer(text))
        await asyncio.sleep(0.03)
    await sending.finish(Answer("Walk-ins close at four.", complete=True))

    assert adapter.texts() == ["Walk-ins close at four."]
    assert len(adapter.messages[0].texts) > 2


async def test_an_answer_that_comes_at_once_is_one_post_and_no_edit() -> None:
    adapter, book = RecordingAdapter(), Book()
    sending = outgoing(adapter, book)

    sending.show(Answer("Walk-ins"))
    await sending.finish(Answer("Walk-ins close at four.", complete=True))

    assert [call for call, _ in adapter.calls] == ["post", "post"]
    assert adapter.messages[0].texts == ["Walk-ins close at four."]


async def test_a_long_answer_is_several_messages_in_order() -> None:
    adapter, book = RecordingAdapter(limit=5), Book()
    sending = outgoing(adapter, book)

    done = await sending.finish(Answer("one two three", complete=True))

    assert "".join(adapter.texts()) == "one two three"
    assert [part.id for part in done.parts] == ["m0", "m1", "m2"]


async def test_it_is_written_down_before_it_is_sent() -> None:
    adapter, book = RecordingAdapter(limit=5), Book()
    noted: list[bool] = []

    def look(call: str, key: str) -> None:
        index = int(key.rsplit("-", 1)[1])
        known = book.entries[-1].parts if book.entries else (SentPart(0),)
        noted.append(any(part.index == index and not part.id for part in known))

    adapter.before = look  # type: ignore[assignment]
    await outgoing(adapter, book).finish(Answer("one two", complete=True))

    assert noted == [True, True]


async def test_a_post_whose_reply_is_lost_is_found_and_not_repeated() -> None:
    adapter, book = RecordingAdapter(), Book()
    adapter.after = once(DeliveryUnclear("lost"), call="post")

    await outgoing(adapter, book).finish(Answer("yes", complete=True))

    assert adapter.texts() == ["yes"]
    assert ("find", "a-0") in adapter.calls


async def test_a_post_that_never_arrived_is_sent_again() -> None:
    adapter, book = RecordingAdapter(), Book()
    adapter.before = once(DeliveryUnclear("lost"), call="post")

    await outgoing(adapter, book).finish(Answer("yes", complete=True))

    assert adapter.texts() == ["yes"]


async def test_the_next_attempt_goes_on_with_the_messages_that_are_there() -> None:
    adapter, book = RecordingAdapter(), Book()
    first = outgoing(adapter, book)
    adapter.after = once(ClaimLost("killed"), call="post")
    with pytest.raises(ClaimLost):
        await first.finish(Answer("half", complete=False))

    await outgoing(adapter, book, fresh=False).finish(Answer("whole", complete=True))

    assert adapter.texts() == ["whole"]


async def test_a_shorter_answer_takes_surplus_messages_back() -> None:
    adapter, book = RecordingAdapter(limit=5), Book()
    done = await outgoing(adapter, book).finish(Answer("one two three", complete=True))

    again = outgoing(adapter, book, *done.parts, fresh=False)
    await again.finish(Answer("no", complete=True))

    assert adapter.texts() == ["no"]


async def test_a_pause_that_the_platform_asks_for_is_kept() -> None:
    adapter, book = RecordingAdapter(), Book()
    adapter.before = once(DeliveryLater("slow down", 0.05), call="post")

    await outgoing(adapter, book).finish(Answer("yes", complete=True))

    assert adapter.texts() == ["yes"]


async def test_an_answer_that_somebody_deletes_is_not_posted_again() -> None:
    adapter, book = RecordingAdapter(), Book()
    sending = outgoing(adapter, book)
    sending.show(Answer("one"))
    await asyncio.sleep(0.05)
    adapter.before = once(MessageGone("deleted"), call="edit")

    await sending.finish(Answer("one two", complete=True))

    assert sending.gone
    assert adapter.texts() == ["one"]


async def test_nothing_is_written_once_the_claim_is_lost() -> None:
    adapter, book = RecordingAdapter(), Book()
    book.lost = True

    with pytest.raises(ClaimLost):
        await outgoing(adapter, book).finish(Answer("yes", complete=True))

    assert adapter.texts() == []


async def test_a_channel_closed_to_us_ends_the_answer_early() -> None:
    adapter, book = RecordingAdapter(), Book()
    adapter.before = lambda call, key: DeliveryImpossible("archived")
    sending = outgoing(adapter, book)

    sending.show(Answer("one"))
    await asyncio.sleep(0.05)

    with pytest.raises(DeliveryImpossible):
        sending.show(Answer("one two"))


async def test_somebody_who_waits_gets_a_sign_of_life() -> None:
    adapter, book = RecordingAdapter(), Book()
    sending = outgoing(adapter, book)

    sending.show(Answer("", step="searching the handbook"))
    await asyncio.sleep(0.4)
    await sending.finish(Answer("yes", complete=True))

    assert adapter.calls[0] == ("working", "searching the handbook")


async def test_withdrawing_removes_what_may_have_been_posted() -> None:
    adapter, book = RecordingAdapter(), Book()
    first = outgoing(adapter, book)
    adapter.after = once(ClaimLost("killed"), call="post")
    with pytest.raises(ClaimLost):
        await first.finish(Answer("half", complete=True))

    await outgoing(adapter, book, fresh=False).withdraw()

    assert adapter.texts() == []


async def test_a_found_post_that_cannot_be_edited_at_once_is_not_posted_again() -> None:
    adapter, book = RecordingAdapter(), Book()
    adapter.after = once(DeliveryUnclear("lost"), call="post")
    adapter.before = once(DeliveryUnclear("lost too"), call="edit")

    await outgoing(adapter, book).finish(Answer("yes", complete=True))

    assert adapter.texts() == ["yes"]


async def test_surplus_messages_are_taken_back_patiently() -> None:
    adapter, book = RecordingAdapter(limit=5), Book()
    done = await outgoing(adapter, book).finish(Answer("one two", complete=True))
    adapter.before = once(DeliveryLater("slow down", 0.01), call="remove")

    again = outgoing(adapter, book, *done.parts, fresh=False)
    await again.finish(Answer("no", complete=True))

    assert adapter.texts() == ["no"]


async def test_who_lost_the_claim_while_looking_posts_nothing() -> None:
    adapter, book = RecordingAdapter(), Book()

    def lose(call: str, key: str) -> None:
        book.lost = book.lost or call == "find"

    adapter.before = lose  # type: ignore[assignment]
    with pytest.raises(ClaimLost):
        await outgoing(adapter, book, fresh=False).finish(Answer("old", complete=True))

    assert adapter.texts() == []


class Slow(RecordingAdapter):
    """A platform that takes its time for a write."""

    pause = 0.2

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        await asyncio.sleep(self.pause)
        return await super().post(delivery, index, part)

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        await asyncio.sleep(self.pause)
        await super().edit(delivery, message_id, part)


async def test_a_post_in_flight_ends_when_the_answer_is_given_up() -> None:
    adapter, book = Slow(), Book()
    sending = outgoing(adapter, book)
    sending.show(Answer("one"))
    await asyncio.sleep(0.05)

    await sending.aclose()

    assert adapter.texts() == ["one"]
    assert sending.delivery.parts == (SentPart(0, "m0"),)
    with pytest.raises(asyncio.CancelledError):
        sending.show(Answer("one two"))


async def test_cancelled_in_the_last_write_the_post_in_flight_is_known() -> None:
    adapter, book = Slow(), Book()
    sending = outgoing(adapter, book)
    sending.show(Answer("one"))
    await asyncio.sleep(0.05)
    finishing = asyncio.create_task(sending.finish(Answer("one two", complete=True)))
    await asyncio.sleep(0.05)

    finishing.cancel()
    await sending.aclose()

    assert adapter.texts() == ["one"]
    assert sending.delivery.parts == (SentPart(0, "m0"),)


async def test_to_be_cancelled_while_closing_is_not_swallowed() -> None:
    sending = outgoing(Slow(), Book())
    sending.show(Answer("one"))
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(sending.aclose())
    await asyncio.sleep(0.01)

    closing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await closing


async def test_an_edit_that_takes_too_long_is_broken_off_and_done_again() -> None:
    adapter, book = Slow(), Book()
    sending = outgoing(adapter, book, SentPart(0, await _posted(adapter)), fresh=False)
    adapter.pause = 0.7

    async def recover() -> None:
        await asyncio.sleep(0.6)
        adapter.pause = 0

    recovering = asyncio.create_task(recover())
    await sending.finish(Answer("new", complete=True))
    await recovering

    assert adapter.messages[0].texts == ["old", "new"]


async def _posted(adapter: RecordingAdapter) -> str:
    return await adapter.post(Delivery("a", PLACE, ("k",), "1"), 0, Part("old"))
