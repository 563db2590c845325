"""The Slack adapter's sending half against a local Slack: each part exactly once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

from adapters.slack.adapter import SlackAdapter
from adapters.slack.blocks import GROWING, layouts
from adapters.slack.messages import part_of
from adapters.slack.settings import SCOPES, SlackSettings
from bot.adapter import Adapter, Part
from bot.errors import (
    DeliveryError,
    DeliveryImpossible,
    DeliveryLater,
    DeliveryUnclear,
    MessageGone,
)
from bot.model import Answer, ConversationId, Delivery, SentPart, Source

pytest_plugins = ("servers.slack.fixtures",)


@pytest.fixture
def settings(slack: SlackServer) -> SlackSettings:
    return SlackSettings(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        api_url=slack.api_url,
        timeout_seconds=0.5,
    )


@pytest.fixture
async def adapter(settings: SlackSettings) -> AsyncIterator[SlackAdapter]:
    async def no_time(seconds: float) -> None: ...

    adapter = SlackAdapter(settings, sleep=no_time)
    await adapter.open()
    yield adapter
    await adapter.aclose()


@pytest.fixture
async def delivery(slack: SlackServer, ada: str, general: str) -> Delivery:
    """An answer to a question of ada's, nothing of it sent."""
    question = slack.say(ada, general, "what is it?", mention_bot=True)
    place = ConversationId("slack", "T00000001", general, question)
    return Delivery("a1", place, ("k",), question, parts=(SentPart(0),))


def said(text: str) -> Part:
    """A whole answer of one message."""
    (layout,) = layouts(answer := Answer(text, complete=True))
    return part_of(layout, answer, last=True)


def texts(slack: SlackServer) -> list[str]:
    return [message["text"] for message in slack.bot_messages()]


def posts(slack: SlackServer) -> int:
    return [call.method for call in slack.calls].count("chat.postMessage")


async def test_a_part_is_posted_into_the_thread(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    id_ = await adapter.post(delivery, 0, said("**42**"))

    (message,) = slack.bot_messages(thread=delivery.question_id)
    assert message["ts"] == id_
    assert message["text"] == "*42*"
    assert message["thread_ts"] == delivery.question_id
    assert message["metadata"] == {
        "event_type": "curbside_answer",
        "event_payload": {"key": "a1-0"},
    }
    sent = slack.calls[-1].arguments
    assert sent["unfurl_links"] is False
    assert sent["unfurl_media"] is False
    assert sent["parse"] == "none"


async def test_without_a_thread_it_is_posted_to_the_channel(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    channel = replace(delivery, conversation=replace(delivery.conversation, thread=""))

    id_ = await adapter.post(channel, 0, said("42"))

    assert "thread_ts" not in slack.bot_messages()[0]
    assert await adapter.find(channel, 0) == id_


@pytest.mark.parametrize("kind", ["drop_after", "http500_after", "slow"])
async def test_a_post_without_a_reply_is_unclear_and_found(
    slack: SlackServer, adapter: Adapter, delivery: Delivery, kind: str
) -> None:
    slack.fail("chat.postMessage", kind=kind, seconds=1)

    with pytest.raises(DeliveryUnclear):
        await adapter.post(delivery, 0, said("42"))

    (message,) = slack.bot_messages()
    assert await adapter.find(delivery, 0) == message["ts"]
    assert await adapter.find(delivery, 1) is None
    assert posts(slack) == 1


@pytest.mark.parametrize("kind", ["drop_before", "http500", "html"])
async def test_a_post_that_did_not_happen_is_not_found(
    slack: SlackServer, adapter: Adapter, delivery: Delivery, kind: str
) -> None:
    slack.fail("chat.postMessage", kind=kind)

    with pytest.raises(DeliveryUnclear):
        await adapter.post(delivery, 0, said("42"))

    assert await adapter.find(delivery, 0) is None
    assert posts(slack) == 1


async def test_our_key_in_somebody_elses_message_is_not_ours(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    id_ = await adapter.post(delivery, 0, said("42"))
    place = delivery.conversation
    slack.workspace.message(place.channel, id_).user = slack.add_user("other", bot=True)

    assert await adapter.find(delivery, 0) is None


async def test_a_part_is_found_in_a_long_thread(
    slack: SlackServer, adapter: Adapter, delivery: Delivery, ada: str
) -> None:
    for number in range(450):
        slack.say(ada, delivery.conversation.channel, str(number), delivery.question_id)
    id_ = await adapter.post(delivery, 0, said("42"))

    assert await adapter.find(delivery, 0) == id_


async def test_a_deleted_thread_has_no_part_and_takes_none(
    slack: SlackServer, adapter: Adapter, delivery: Delivery, ada: str
) -> None:
    slack.delete(ada, delivery.conversation.channel, delivery.question_id)

    assert await adapter.find(delivery, 0) is None
    with pytest.raises(DeliveryImpossible, match="was deleted"):
        await adapter.post(delivery, 0, said("42"))


async def test_looking_without_a_reply_is_done_later(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    # Reading does no harm, so aiohttp may try it again by itself.
    slack.fail("conversations.replies", times=5, kind="drop_before")

    with pytest.raises(DeliveryLater):
        await adapter.find(delivery, 0)


async def test_a_limit_is_handed_on(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    slack.fail("chat.postMessage", kind="ratelimited", retry_after=7)

    with pytest.raises(DeliveryLater) as caught:
        await adapter.post(delivery, 0, said("42"))

    assert caught.value.retry_after == 7
    assert posts(slack) == 1


async def test_no_connection_is_certainly_nothing_written(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    await slack.stop()
    await asyncio.sleep(0.05)

    with pytest.raises(DeliveryLater):
        await adapter.post(delivery, 0, said("42"))

    await slack.start()
    await adapter.post(delivery, 0, said("42"))
    assert texts(slack) == ["42"]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ("channel_not_found", DeliveryImpossible, "/invite"),
        ("not_in_channel", DeliveryImpossible, "/invite"),
        ("is_archived", DeliveryImpossible, "unarchive"),
        ("missing_scope", DeliveryImpossible, "OAuth & Permissions"),
        ("restricted_action", DeliveryImpossible, "workspace admin"),
        ("token_revoked", DeliveryImpossible, "CURBSIDE_SLACK_BOT_TOKEN"),
        ("something_new", DeliveryImpossible, "something_new"),
        ("internal_error", DeliveryUnclear, "internal_error"),
        ("ratelimited", DeliveryLater, "limits"),
    ],
)
async def test_refusals_say_what_to_do(
    slack: SlackServer,
    adapter: Adapter,
    delivery: Delivery,
    error: str,
    kind: type[DeliveryError],
    words: str,
) -> None:
    slack.fail("chat.postMessage", kind=f"error:{error}")

    with pytest.raises(kind, match=words) as caught:
        await adapter.post(delivery, 0, said("42"))

    assert caught.type.__mro__[1:].count(kind) or caught.type is kind


async def test_a_missing_scope_is_named(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    slack.scopes.discard("chat:write")

    with pytest.raises(DeliveryImpossible, match="chat:write"):
        await adapter.post(delivery, 0, said("42"))


async def test_an_edit_keeps_the_message_and_its_key(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    id_ = await adapter.post(delivery, 0, said("4"))
    posted = delivery.with_part(SentPart(0, id_))

    await adapter.edit(posted, id_, said("42"))

    assert texts(slack) == ["42"]
    assert await adapter.find(posted, 0) == id_
    assert slack.calls[-2].arguments["parse"] == "none"


async def test_the_edit_of_a_deleted_message_says_so(
    slack: SlackServer, adapter: Adapter, delivery: Delivery, ada: str
) -> None:
    id_ = await adapter.post(delivery, 0, said("4"))
    slack.delete(ada, delivery.conversation.channel, id_)

    with pytest.raises(MessageGone):
        await adapter.edit(delivery, id_, said("42"))


async def test_an_edit_without_a_reply_is_unclear(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    id_ = await adapter.post(delivery, 0, said("4"))
    slack.fail("chat.update", kind="drop_after")

    with pytest.raises(DeliveryUnclear):
        await adapter.edit(delivery, id_, said("42"))

    assert texts(slack) == ["42"]


async def test_edits_slow_down_when_many_answers_grow(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    ids = [await adapter.post(delivery, index, said("4")) for index in range(6)]

    await adapter.edit(delivery, ids[0], said("42"))
    alone = adapter.edit_interval
    for id_ in ids[1:]:
        await adapter.edit(delivery, id_, said("42"))

    assert alone == 1.5
    assert adapter.edit_interval == 8


async def test_removing_twice_is_no_error(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    id_ = await adapter.post(delivery, 0, said("42"))

    await adapter.remove(delivery, id_)
    await adapter.remove(delivery, id_)

    assert texts(slack) == []


async def test_a_status_line_shows_that_we_work(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    await adapter.working(delivery, "searching the handbook")
    await adapter.working(delivery, "")
    slack.fail("assistant.threads.setStatus", kind="error:missing_scope")
    await adapter.working(delivery, "failing")

    shown = [status["status"] for status in slack.web_api.statuses]
    assert shown == ["is searching the handbook …", "is thinking …"]
    assert slack.web_api.statuses[0]["thread_ts"] == delivery.question_id


async def test_an_answer_is_rendered_with_notice_and_sources(adapter: Adapter) -> None:
    source = Source(1, "Handbook", "Hours", url="https://x.io/h", page=3)
    answer = Answer("From **9** [1]", (source,), notice="Stopped.", complete=True)

    (part,) = adapter.render(answer)

    assert part.text == (
        "From *9* <https://x.io/h|[1]>\n\n_Stopped._\n\n*Sources*\n"
        "• [1] <https://x.io/h|Handbook › Hours, page 3>"
    )


async def test_a_growing_answer_shows_that_there_is_more_to_come(
    adapter: Adapter,
) -> None:
    growing, whole = Answer("From 9"), Answer("From 9", complete=True)

    assert [part.text for part in adapter.render(growing)] == [f"From 9{GROWING}"]
    assert [part.text for part in adapter.render(whole)] == ["From 9"]
    assert [part.text for part in adapter.render(Answer(""))] == ["…"]
    assert [part.text for part in adapter.render(Answer("", complete=True))] == ["…"]


async def test_a_long_answer_can_be_posted_and_edited(
    slack: SlackServer, adapter: Adapter, delivery: Delivery
) -> None:
    text = "\n\n".join(f"{number}. " + "<word> " * 60 for number in range(120))

    parts = adapter.render(Answer(text))
    for index, part in enumerate(parts):
        id_ = await adapter.post(delivery, index, part)
        await adapter.edit(delivery, id_, part)

    assert len(parts) > 4
    assert texts(slack) == [part.text for part in parts]


async def test_invisible_characters_are_not_sent(adapter: Adapter) -> None:
    (part,) = adapter.render(Answer("a\u202eb\u200bc", complete=True))

    assert part.text == "abc"


async def test_health_is_well(adapter: Adapter) -> None:
    health = await adapter.health()

    assert health.ok
    assert health.problems == ()
    assert health.detail == "curbside in Local"


async def test_health_names_each_missing_scope(
    slack: SlackServer, adapter: Adapter
) -> None:
    slack.scopes -= {"reactions:read", "users:read"}

    health = await adapter.health()

    assert not health.ok
    assert "reactions:read, users:read" in health.problems[0]
    assert slack.scopes & SCOPES == SCOPES - {"reactions:read", "users:read"}


@pytest.mark.parametrize(
    ("method", "kind", "words"),
    [
        ("auth.test", "error:account_inactive", "CURBSIDE_SLACK_BOT_TOKEN"),
        ("apps.connections.open", "error:missing_scope", "scope"),
        ("auth.test", "drop_before", "no reply"),
        ("auth.test", "http500", "HTTP 500"),
    ],
)
async def test_health_names_the_problem(
    slack: SlackServer, adapter: Adapter, method: str, kind: str, words: str
) -> None:
    slack.fail(method, kind=kind)

    health = await adapter.health()

    assert not health.ok
    assert words in health.problems[0]
