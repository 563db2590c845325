"""What the Slack adapter hears, over a real socket to a local Slack."""

import pytest
from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack.adapter import SlackAdapter
from bot.adapter import Part
from bot.model import (
    Answer,
    ConversationId,
    Deleted,
    Delivery,
    Edited,
    Rated,
    Said,
    Stopped,
)

pytest_plugins = ("servers.slack.fixtures",)


def rendered(adapter: SlackAdapter, text: str) -> Part:
    return adapter.render(Answer(text, complete=True))[0]


TEAM = "T00000001"


async def test_a_mention_is_accepted_once_with_its_author(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "what is it?", mention_bot=True)
    await slack.settled()

    (said,) = box.of(Said)
    assert box.handed_in == 2
    assert said.message.conversation == ConversationId("slack", TEAM, general, ts)
    assert said.message.text == "what is it?"
    assert said.message.author.name == "ada"
    assert said.message.author.is_admin
    assert all(sent.acked for sent in slack.sockets.delivered)


async def test_rights_are_asked_for_once(
    slack: SlackServer, adapter: SlackAdapter, box: Box, general: str
) -> None:
    bob = slack.add_user("bob")
    for number in range(3):
        slack.say(bob, general, f"{number}", mention_bot=True)
        await slack.settled()

    assert [said.message.author.is_admin for said in box.of(Said)] == [False] * 3
    assert [call.method for call in slack.calls].count("users.info") == 1


async def test_somebody_who_is_not_described_is_no_admin(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    slack.fail("users.info", times=2, kind="http500")

    slack.say(ada, general, "hello", mention_bot=True)
    await slack.settled()

    (said,) = box.of(Said)
    assert said.message.author.id == ada
    assert not said.message.author.is_admin
    assert said.message.guests


async def test_an_admin_of_another_workspace_is_none_of_ours(
    slack: SlackServer,
    adapter: SlackAdapter,
    box: Box,
    ada: str,
    general: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stranger = slack.payloads.user(slack.workspace.user(ada)) | {"team_id": "T2"}
    monkeypatch.setattr(slack.payloads, "user", lambda user: stranger)

    slack.say(ada, general, "use theirs", mention_bot=True)
    await slack.settled()

    (said,) = box.of(Said)
    assert not said.message.author.is_admin
    assert said.message.guests


async def test_people_talk_among_themselves(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    bob = slack.add_user("bob")
    group = slack.open_im(ada, bob)
    root = slack.say(ada, general, "did you see it?")
    slack.say(bob, general, "I did", thread=root)
    slack.say(ada, group, "in a group")
    slack.join(bob, general)
    slack.say(slack.add_user("robot", bot=True), general, "beep", mention_bot=True)
    await slack.settled()

    assert box.handed_in == 0
    assert all(sent.acked for sent in slack.sockets.delivered)


async def test_direct_messages_and_named_in_a_group(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    group = slack.open_im(ada, slack.add_user("bob"))

    slack.say(ada, slack.open_im(ada), "in private")
    slack.say(ada, group, "in a group", mention_bot=True)
    await slack.settled()

    assert sorted(box.texts()) == ["in a group", "in private"]


async def test_a_follow_up_needs_no_name_where_we_take_part(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    root = slack.say(ada, general, "what is it?", mention_bot=True)
    await slack.settled()
    box.ours.add(ConversationId("slack", TEAM, general, root))

    slack.say(ada, general, "and why?", thread=root)
    await slack.settled()

    assert box.texts() == ["what is it?", "and why?"]
    assert len({said.conversation for said in box.of(Said)}) == 1


async def test_our_own_words_come_back_and_are_left_alone(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    im = slack.open_im(ada)
    ts = slack.say(ada, im, "hello")
    delivery = Delivery("a1", ConversationId("slack", TEAM, im, ts), (), ts)

    id_ = await adapter.post(delivery, 0, rendered(adapter, "one"))
    await adapter.edit(delivery, id_, rendered(adapter, "two"))
    await adapter.remove(delivery, id_)
    await slack.settled()

    assert box.texts() == ["hello"]
    assert box.handed_in == 1
    assert len(slack.sockets.delivered) == 4


async def test_what_cannot_be_stored_comes_again(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    box.broken = 2

    slack.say(ada, slack.open_im(ada), "hello")
    await slack.settled()

    assert box.texts() == ["hello"]
    assert [sent.acked for sent in slack.sockets.delivered] == [False, False, True]


async def test_what_comes_twice_is_one(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    slack.redelivery(1.0)

    slack.say(ada, slack.open_im(ada), "hello")
    await slack.settled()

    assert box.handed_in == 2
    assert box.texts() == ["hello"]


async def test_edits_and_deletes(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "frist?", mention_bot=True)
    slack.unfurl(general, ts)
    slack.edit(ada, general, ts, f"<@{slack.bot_id}> first?")
    slack.delete(ada, general, ts)
    await slack.settled()

    (edited,), (deleted,) = box.of(Edited), box.of(Deleted)
    assert edited.message.text == "first?"
    assert edited.message.author.is_admin
    assert deleted.message_id == ts
    assert deleted.conversation == box.of(Said)[0].conversation


async def test_our_name_put_in_later_makes_it_a_question(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "what is it?")
    slack.edit(ada, general, ts, f"<@{slack.bot_id}> what is it?")
    await slack.settled()

    assert box.texts() == ["what is it?"]
    assert box.of(Edited) == []


async def test_an_admin_deletes_our_answer(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "what is it?", mention_bot=True)
    place = ConversationId("slack", TEAM, general, ts)
    id_ = await adapter.post(Delivery("a1", place, (), ts), 0, rendered(adapter, "42"))

    slack.delete(ada, general, id_)
    await slack.settled()

    assert box.of(Deleted) == [Deleted(place, id_)]


async def test_reactions_are_verdicts_in_the_thread_of_the_answer(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "what is it?", mention_bot=True)
    place = ConversationId("slack", TEAM, general, ts)
    id_ = await adapter.post(Delivery("a1", place, (), ts), 0, rendered(adapter, "42"))

    slack.react(ada, general, id_, "+1")
    await slack.settled()
    slack.unreact(ada, general, id_, "+1")
    slack.react(ada, general, id_, "tada")
    slack.react(ada, general, ts, "x")
    await slack.settled()

    rated = box.of(Rated)
    assert [event.verdict for event in rated] == ["good", "none"]
    assert {event.conversation for event in rated} == {place}
    assert {event.message_id for event in rated} == {id_}
    assert {event.author.id for event in rated} == {ada}


async def test_a_reaction_to_what_is_gone_meanwhile_is_no_verdict(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    place = ConversationId("slack", TEAM, general)
    id_ = await adapter.post(Delivery("a1", place, (), "q"), 0, rendered(adapter, "42"))

    slack.react(ada, general, id_, "+1")
    slack.delete(ada, general, id_)
    await slack.settled()

    assert box.of(Rated) == []
    assert all(sent.acked for sent in slack.sockets.delivered)


async def test_the_stop_button(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    im = slack.open_im(ada)
    event = {"type": "agent_session_stopped", "channel": im, "user": ada}

    slack.emit(event | {"thread_ts": "1.000001", "event_ts": "2.000001"})
    await slack.settled()

    assert box.of(Stopped)[0].conversation.thread == "1.000001"


async def test_whatever_else_happens_is_acknowledged(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "hello")
    slack.archive(general)
    slack.remove_bot(general)
    slack.emit({"type": "app_home_opened", "user": ada, "event_ts": "1.000001"})
    slack.emit({"type": "tokens_revoked", "tokens": {"bot": ["x"]}})
    slack.click(ada, general, ts, "anything")
    await slack.settled()

    assert all(sent.acked for sent in slack.sockets.delivered)
    assert len(slack.sockets.delivered) == 6
