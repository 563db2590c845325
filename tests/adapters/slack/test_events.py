"""Events as Slack sends them, and what we read in them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.slack.events import (
    Identity,
    Reaction,
    plain,
    read,
    read_command,
    read_reaction,
)
from bot.model import (
    Attachment,
    ConversationId,
    Deleted,
    Edited,
    Said,
    Stopped,
)

ME = Identity(team_id="T1", user_id="UBOT", bot_id="BBOT")
JSON = dict[str, Any]


def spoken(text: str = "hello", **more: Any) -> JSON:
    """A person's message in a channel."""
    event = {"type": "message", "user": "UADA", "text": text, "ts": "100.000001"}
    return event | {"channel": "C1", "channel_type": "channel", "team": "T1"} | more


def mention(text: str = "<@UBOT> hello", **more: Any) -> JSON:
    event = spoken(text, **more) | {"type": "app_mention"}
    del event["channel_type"]
    return event


def changed(before: str, after: str, **more: Any) -> JSON:
    message = {"type": "message", "user": "UADA", "ts": "100.000001"} | more
    edited = {"edited": {"user": "UADA", "ts": "101.000000"}}
    return {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C1",
        "channel_type": "channel",
        "message": message | {"text": after} | edited,
        "previous_message": message | {"text": before},
        "ts": "101.000100",
        "event_ts": "101.000100",
    }


def deleted(**more: Any) -> JSON:
    message = {"type": "message", "user": "UADA", "ts": "100.000001", "text": "hello"}
    return {
        "type": "message",
        "subtype": "message_deleted",
        "channel": "C1",
        "channel_type": "channel",
        "deleted_ts": "100.000001",
        "previous_message": message | more,
        "event_ts": "101.000100",
    }


def said(event: JSON) -> Said:
    reading = read(event, ME)
    assert reading is not None
    assert isinstance(reading.event, Said)
    return reading.event


def edited(event: JSON) -> Edited:
    reading = read(event, ME)
    assert reading is not None
    assert isinstance(reading.event, Edited)
    return reading.event


def test_a_mention_begins_a_conversation_in_its_own_thread() -> None:
    reading = read(mention("<@UBOT> what is it?"), ME)

    assert reading is not None
    assert reading.certain
    message = said(mention("<@UBOT> what is it?")).message
    assert message.conversation == ConversationId("slack", "T1", "C1", "100.000001")
    assert message.id == "100.000001"
    assert message.author.id == "UADA"
    assert message.text == "what is it?"
    assert message.sent_at == datetime.fromtimestamp(100.000001, UTC)


def test_a_mention_in_a_thread_stays_there() -> None:
    message = said(mention(thread_ts="50.000001")).message

    assert message.conversation.thread == "50.000001"


def test_the_two_events_of_a_mention_are_one() -> None:
    assert said(mention()) == said(spoken("<@UBOT> hello"))
    assert said(mention()).key == said(spoken("<@UBOT> hello")).key


def only_heard(event: JSON) -> bool:
    """Whether it is for us at most where each message is a question."""
    reading = read(event, ME)
    assert reading is not None
    return not (reading.certain or reading.follow_up or reading.newly)


def test_in_a_shared_channel_the_workspace_is_ours() -> None:
    assert said(mention(team="T2")).conversation.workspace == "T1"


def test_a_direct_message_is_for_us() -> None:
    reading = read(spoken(channel="D1", channel_type="im"), ME)

    assert reading is not None
    assert reading.certain


@pytest.mark.parametrize("kind", ["channel", "group", "mpim"])
def test_talk_among_people_is_not_for_us(kind: str) -> None:
    assert only_heard(spoken(channel_type=kind))


def test_a_reply_may_be_for_us() -> None:
    reading = read(spoken(thread_ts="50.000001"), ME)

    assert reading is not None
    assert not reading.certain


def test_the_root_of_a_thread_is_no_reply() -> None:
    assert only_heard(spoken(thread_ts="100.000001"))


def test_a_reply_to_our_own_message_is_for_us() -> None:
    event = spoken(thread_ts="50.000001", parent_user_id="UBOT")
    reading = read(event, ME)

    assert reading is not None
    assert reading.certain


def test_a_reply_to_somebody_else_is_not_for_us() -> None:
    assert only_heard(spoken("<@UBOB> look", thread_ts="50.000001"))
    reply = spoken("<@UBOB> look", thread_ts="50.000001", parent_user_id="UBOT")
    assert only_heard(reply)
    reading = read(reply, ME)
    assert reading is not None
    assert reading.to_others


def test_a_reply_to_another_person_says_so() -> None:
    own = read(spoken(thread_ts="50.000001", parent_user_id="UADA"), ME)
    others = read(spoken(thread_ts="50.000001", parent_user_id="UBOB"), ME)

    assert own is not None
    assert others is not None
    assert (own.answers, others.answers) == (False, True)


def test_another_bot_is_heard_if_that_is_wanted() -> None:
    event = spoken("<@UBOT> hello", user="UROBOT", bot_id="B2")
    wanted = [replace(ME, bots=frozenset({name})) for name in ("UROBOT", "B2")]

    assert read(event, ME) is None
    assert [read(event, me) is not None for me in wanted] == [True, True]
    assert read(spoken(user="UBOT", bot_id="B2"), wanted[1]) is None


def test_a_reply_to_both_is_for_us() -> None:
    reading = read(spoken("<@UBOB> and <@UBOT> look", thread_ts="50.000001"), ME)

    assert reading is not None
    assert reading.certain


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(spoken(user="UBOT", channel_type="im"), id="ourselves"),
        pytest.param(mention(bot_id="B2"), id="another bot"),
        pytest.param(spoken(bot_id="B2", channel_type="im"), id="a bot in a DM"),
        pytest.param(spoken(user="USLACKBOT", channel_type="im"), id="Slackbot"),
        pytest.param(spoken(subtype="channel_join", channel_type="im"), id="a join"),
        pytest.param(
            spoken(subtype="bot_message", channel_type="im"), id="bot message"
        ),
        pytest.param(spoken(subtype="channel_topic", channel_type="im"), id="a topic"),
        pytest.param(spoken(user=None, channel_type="im"), id="nobody"),
        pytest.param({"type": "channel_archive", "channel": "C1"}, id="other event"),
        pytest.param({"type": "app_home_opened", "user": "U1"}, id="home"),
    ],
)
def test_not_a_persons_words(event: JSON) -> None:
    assert read(event, ME) is None


def test_files_come_along() -> None:
    file = {"name": "a.pdf", "mimetype": "application/pdf", "size": 7}
    event = mention(subtype="file_share", files=[file | {"url_private": "https://x"}])

    attachments = said(event).message.attachments

    assert attachments == (Attachment("a.pdf", "application/pdf", 7, "https://x"),)


@pytest.mark.parametrize(
    ("slack", "typed"),
    [
        pytest.param("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d", id="entities"),
        pytest.param("&amp;lt;", "&lt;", id="an entity that was typed"),
        pytest.param("see <https://x.io>", "see https://x.io", id="address"),
        pytest.param("<http://x.io|x.io>", "http://x.io", id="address made by Slack"),
        pytest.param("<https://x.io|the page>", "the page (https://x.io)", id="link"),
        pytest.param("<mailto:a@x.io|a@x.io>", "a@x.io", id="mail"),
        pytest.param("ask <@U2> or <@U3|bob>", "ask @U2 or @bob", id="people"),
        pytest.param("in <#C2|general> <#C3>", "in #general #C3", id="channels"),
        pytest.param("<!here> <!channel|all>", "@here all", id="calls"),
        pytest.param("<!subteam^S1|@staff>", "@staff", id="group"),
        pytest.param("<!date^1^{date}|Monday>", "Monday", id="date"),
    ],
)
def test_plain_text(slack: str, typed: str) -> None:
    assert plain(slack) == typed


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("<@UBOT> hello", "hello"),
        ("<@UBOT|curbside>: hello", "hello"),
        ("hello <@UBOT>, you there?", "hello you there?"),
        ("thanks <@UBOT>", "thanks"),
        ("<@UBOT>\nline one\n\nline two", "line one\n\nline two"),
        ("<@UBOT>", ""),
    ],
)
def test_our_name_is_taken_out(text: str, question: str) -> None:
    assert said(mention(text)).message.text == question


def test_an_edited_question() -> None:
    event = edited(changed("<@UBOT> hallo", "<@UBOT> hello", thread_ts="100.000001"))

    assert event.message.text == "hello"
    assert event.message.edited
    assert event.message.conversation.thread == "100.000001"
    assert event.version == "101.000000"


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(changed("<@UBOT> a", "<@UBOT> a"), id="a preview was added"),
        pytest.param(changed("a", "b", bot_id="B2"), id="another bot"),
        pytest.param(changed("<@U2> a", "<@U2> b", user="UBOT"), id="our own edit"),
    ],
)
def test_an_edit_that_is_not_for_us(event: JSON) -> None:
    assert read(event, ME) is None


def test_an_edit_among_people_is_only_heard() -> None:
    assert only_heard(changed("a", "b"))


def test_an_edit_in_a_thread_may_be_for_us() -> None:
    reading = read(changed("a", "b", thread_ts="50.000001"), ME)

    assert reading is not None
    assert not reading.certain
    assert not reading.newly


def test_our_name_put_in_later() -> None:
    reading = read(changed("what?", "<@UBOT> what?"), ME)

    assert reading is not None
    assert reading.certain
    assert reading.newly


def test_our_name_taken_out_is_still_an_edit_of_a_question() -> None:
    reading = read(changed("<@UBOT> what?", "what?"), ME)

    assert reading is not None
    assert reading.certain
    assert not reading.newly


@pytest.mark.parametrize(
    ("event", "certain"),
    [
        pytest.param(deleted(text="<@UBOT> hello"), True, id="a mention"),
        pytest.param(deleted(user="UBOT", bot_id="BBOT"), True, id="our answer"),
        pytest.param(deleted(thread_ts="50.000001"), False, id="a reply"),
        pytest.param(deleted() | {"channel_type": "im"}, True, id="direct message"),
    ],
)
def test_a_deleted_message(event: JSON, certain: bool) -> None:
    reading = read(event, ME)

    assert reading is not None
    assert reading.certain == certain
    assert isinstance(reading.event, Deleted)
    assert reading.event.message_id == "100.000001"


def test_a_deleted_reply_names_its_thread() -> None:
    reading = read(deleted(thread_ts="50.000001"), ME)

    assert reading is not None
    assert reading.event.conversation.thread == "50.000001"


def test_a_question_deleted_under_its_answers_leaves_a_tombstone() -> None:
    event = changed(
        "<@UBOT> hello", "This message was deleted.", thread_ts="100.000001"
    )
    event["message"] |= {"subtype": "tombstone", "user": "USLACKBOT"}

    reading = read(event, ME)

    assert reading is not None
    assert reading.event == Deleted(
        ConversationId("slack", "T1", "C1", "100.000001"), "100.000001"
    )


def test_talk_that_was_deleted_is_none_of_ours() -> None:
    assert only_heard(deleted())
    assert read(deleted(bot_id="B2", thread_ts="50.000001"), ME) is None


def test_the_stop_button() -> None:
    event = {"type": "agent_session_stopped", "channel": "D1", "user": "UADA"}

    reading = read(event | {"thread_ts": "50.000001", "event_ts": "60.000001"}, ME)

    assert reading is not None
    assert isinstance(reading.event, Stopped)
    assert reading.event.conversation.thread == "50.000001"
    assert reading.event.id == "60.000001"
    assert read(event, ME) is None


def reaction(name: str, **more: Any) -> JSON:
    item = {"type": "message", "channel": "C1", "ts": "100.000001"}
    event = {"type": "reaction_added", "user": "UADA", "item": item, "reaction": name}
    return event | {"item_user": "UBOT", "event_ts": "102.000000"} | more


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        (reaction("+1"), "good"),
        (reaction("+1::skin-tone-3"), "good"),
        (reaction("white_check_mark"), "good"),
        (reaction("-1"), "bad"),
        (reaction("x"), "bad"),
        (reaction("x", type="reaction_removed"), "none"),
    ],
)
def test_a_verdict(event: JSON, verdict: str) -> None:
    assert read_reaction(event, ME) == Reaction(
        "C1", "100.000001", "UADA", verdict, "102.000000"
    )


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(reaction("tada"), id="no verdict"),
        pytest.param(reaction("+1", item_user="UBOB"), id="on somebody's message"),
        pytest.param(reaction("+1", user="UBOT"), id="by ourselves"),
        pytest.param(reaction("+1", item={"type": "file"}), id="on a file"),
        pytest.param(spoken(), id="a message"),
    ],
)
def test_no_verdict(event: JSON) -> None:
    assert read_reaction(event, ME) is None


def test_a_command() -> None:
    body = {"trigger_id": "t1", "channel_id": "C1", "user_id": "UADA"}

    message = read_command(body | {"text": " use handbook &amp; co "}, ME)

    assert message.text == "use handbook & co"
    assert message.id == "t1"
    assert message.conversation == ConversationId("slack", "T1", "C1")
    assert read_command(body | {"text": ""}, ME).text == "help"
