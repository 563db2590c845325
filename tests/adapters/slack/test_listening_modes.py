"""Which messages of a channel are questions: those that name us, each one, or none."""

from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack.adapter import SlackAdapter
from bot.model import ConversationId, Deleted, Delivery, Edited, Replied, Said

pytest_plugins = ("servers.slack.fixtures",)


def heard(box: Box) -> dict[str, bool]:
    """The texts that were handed in, and whether each was said to us."""
    return {event.message.text: event.message.direct for event in box.of(Said)}


async def test_where_each_message_is_a_question(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    bob = slack.add_user("bob")
    box.every.add(general)
    slack.join(bob, general)
    root = slack.say(ada, general, "when do you open?")
    slack.say(ada, general, "on Sundays, I mean", thread=root)
    slack.say(bob, general, "at nine", thread=root)
    slack.say(ada, general, f"<@{bob}> are you there?")
    slack.say(ada, general, "and you?", mention_bot=True)
    await slack.settled()

    assert heard(box) == {
        "when do you open?": False,
        "on Sundays, I mean": False,
        "and you?": True,
    }
    (replied,) = box.of(Replied)
    assert replied.message_id == root
    assert replied.conversation.thread == root
    assert replied.author.id == bob


async def test_such_a_question_can_be_edited_and_deleted(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    box.every.add(general)
    root = slack.say(ada, general, "when do you open?")
    slack.edit(ada, general, root, "when do you close?")
    await slack.settled()
    slack.delete(ada, general, root)
    await slack.settled()

    (edited,), (deleted,) = box.of(Edited), box.of(Deleted)
    assert edited.message.text == "when do you close?"
    assert not edited.message.direct
    assert deleted.message_id == root


async def test_elsewhere_talk_is_not_even_edited_or_deleted(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    root = slack.say(ada, general, "when do you open?")
    slack.edit(ada, general, root, "when do you close?")
    await slack.settled()
    slack.delete(ada, general, root)
    await slack.settled()

    assert box.events == {}


async def test_where_nothing_is_a_question_not_even_our_name_is_heard(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    box.off.add(general)
    im = slack.open_im(ada)
    slack.say(ada, general, "one?", mention_bot=True)
    slack.say(ada, im, "two?")
    await slack.settled()

    assert heard(box) == {"two?": True}


async def test_in_a_room_of_several_our_name_is_needed(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    bob = slack.add_user("bob")
    room = slack.open_im(ada, bob)
    slack.say(ada, room, "lunch?")
    slack.say(ada, room, "when do you open?", mention_bot=True)
    await slack.settled()

    assert heard(box) == {"when do you open?": True}


async def test_who_can_read_along_from_outside_is_noted(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    slack.say(ada, general, "one?", mention_bot=True)
    await slack.settled()
    event = {
        "type": "app_mention",
        "user": ada,
        "channel": general,
        "text": f"<@{slack.bot_id}> two?",
        "ts": "2000000000.000100",
        "event_ts": "2000000000.000100",
    }
    shared = slack.payloads.event_callback(event) | {"is_ext_shared_channel": True}
    slack.sockets.background(slack.sockets.deliver("events_api", shared))
    await slack.settled()

    guests = {event.message.text: event.message.guests for event in box.of(Said)}
    assert guests == {"one?": False, "two?": True}


async def test_the_language_of_the_author_is_known(
    slack: SlackServer, adapter: SlackAdapter, box: Box, general: str
) -> None:
    dora = slack.add_user("dora", locale="de-DE")
    slack.invite_bot(general)
    slack.join(dora, general)
    slack.say(dora, general, "eins?", mention_bot=True)
    await slack.settled()

    (said,) = box.of(Said)
    assert said.message.locale == "de-DE"
    assert said.message.reply_token == f"T00000001:{dora}"


async def test_a_session_is_called_by_its_first_question(
    slack: SlackServer, adapter: SlackAdapter, ada: str
) -> None:
    im = slack.open_im(ada)
    question = "Where do we keep the spare key of the vaccine fridge in building two?"
    root = slack.say(ada, im, question)
    slack.say(ada, im, "and the other one?", thread=root)
    await slack.settled()
    place = ConversationId("slack", "T00000001", im, root)
    await adapter.working(Delivery("a1", place, (), root), "searching")

    session = slack.web_api.agents.sessions[im, root]
    assert session["status"] == "processing"
    assert (
        session["title"] == "Where do we keep the spare key of the vaccine fridge in…"
    )
