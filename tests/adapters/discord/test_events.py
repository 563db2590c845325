"""Messages as the gateway sends them, read as our events."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import discord
import pytest
from servers.discord.model import Clock, Permission
from servers.discord.state import DiscordState

from adapters.discord.commands import Suggestion, question, suggestions, use_of
from adapters.discord.events import (
    Reading,
    conversation_of,
    is_named,
    place_of,
    read,
    title,
    verdict,
)
from bot.model import Author, ConversationId


class Place:
    """A guild as Discord describes it, and the library's reading of it, offline."""

    def __init__(self) -> None:
        self.state = DiscordState(Clock(), self._emit)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.guild_id = self.state.new_guild("clinic").id
        self.channel_id = self.state.new_channel(self.guild_id, "general").id
        self.ana = self.state.new_user("ana").id
        self.bo = self.state.new_user("bo").id
        self.client = discord.Client(intents=discord.Intents.default())
        self._look()

    @property
    def me(self) -> int:
        return self.state.bot.id

    @property
    def guild(self) -> discord.Guild:
        found = self.client.get_guild(self.guild_id)
        assert found is not None
        return found

    def _emit(self, event: str, data: dict[str, Any], intent: object) -> None:
        self.events.append((event, data))

    def _look(self) -> None:
        """Take the guild in anew, as after a READY."""
        connection = self.client._connection
        data: Any = self.state.user_payload(self.state.bot)
        connection.user = discord.ClientUser(state=connection, data=data)
        guild: Any = self.state.guild_payload(self.state.guilds[self.guild_id])
        connection._add_guild(discord.Guild(data=guild, state=connection))

    def say(self, text: str, *, author: int = 0, channel: int = 0, **body: Any) -> int:
        """Write a message; its id."""
        place = self.state.channel(channel or self.channel_id)
        body["content"] = text
        return self.state.post(author or self.ana, place, body).id

    def message(self, id_: int, **changes: Any) -> discord.Message:
        """The library's object for a message."""
        self._look()
        written = self.state.messages[id_]
        place = self.state.channel(written.channel_id)
        data: Any = self.state.event_payload(written, place) | changes
        connection = self.client._connection
        channel, _ = connection._get_guild_channel(data)
        found: Any = channel
        return discord.Message(state=connection, channel=found, data=data)

    def read(self, id_: int, *, threads: bool = True) -> Reading | None:
        return read(self.message(id_), self.me, threads=threads)

    def named(self, text: str = "") -> str:
        return f"<@{self.me}> {text}"


@pytest.fixture
async def place() -> Place:
    return Place()


async def test_a_mention_is_a_question_in_a_thread_to_be(place: Place) -> None:
    asked = place.say(place.named("where is the key?"))

    reading = place.read(asked)

    assert reading is not None
    assert reading.certain
    message = reading.message
    assert message.text == "where is the key?"
    assert message.id == str(asked)
    assert message.conversation == ConversationId(
        "discord", str(place.guild_id), str(place.channel_id), str(asked)
    )
    assert message.author == Author(str(place.ana), "Ana")
    assert message.sent_at.tzinfo is UTC
    assert not message.edited


async def test_without_threads_the_channel_is_the_conversation(place: Place) -> None:
    reading = place.read(place.say(place.named("hi")), threads=False)

    assert reading is not None
    assert reading.message.conversation.thread == ""


async def test_where_no_thread_may_be_made_the_channel_is(place: Place) -> None:
    denied = {place.me: int(Permission.CREATE_PUBLIC_THREADS)}
    place.state.channel(place.channel_id).denied = denied

    reading = place.read(place.say(place.named("hi")))

    assert reading is not None
    assert reading.message.conversation.thread == ""


async def test_a_thread_is_a_conversation_below_its_channel(place: Place) -> None:
    root = place.say("a topic")
    thread = place.state.start_thread(place.ana, place.state.messages[root], "topic")

    reading = place.read(place.say("and then?", channel=thread.id))

    assert reading is not None
    assert not reading.certain
    assert reading.message.conversation == ConversationId(
        "discord", str(place.guild_id), str(place.channel_id), str(thread.id)
    )


async def test_a_direct_message_is_always_for_us(place: Place) -> None:
    channel = place.state.dm_channel(place.ana)

    reading = place.read(place.say("hello", channel=channel.id))

    assert reading is not None
    assert reading.certain
    assert reading.message.conversation == ConversationId(
        "discord", "dm", str(channel.id)
    )


def _by_bot(place: Place) -> int:
    other = place.state.new_user("another-bot", bot=True)
    return place.say(place.named("hi"), author=other.id)


def _by_us(place: Place) -> int:
    return place.say("an answer", author=place.me)


def _to_nobody(place: Place) -> int:
    return place.say("who has the key?")


def _to_somebody(place: Place) -> int:
    return place.say(f"<@{place.bo}> have you the key?")


def _to_somebody_in_thread(place: Place) -> int:
    root = place.state.messages[place.say("a topic")]
    thread = place.state.start_thread(place.ana, root, "topic")
    return place.say(f"<@{place.bo}> have you?", channel=thread.id)


def _reply_to_somebody(place: Place) -> int:
    root = place.state.messages[place.say("a topic")]
    thread = place.state.start_thread(place.ana, root, "topic")
    first = place.say("one", author=place.bo, channel=thread.id)
    reference = {"message_id": str(first)}
    return place.say("two", channel=thread.id, message_reference=reference)


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(_by_bot, id="another bot"),
        pytest.param(_by_us, id="ourselves"),
        pytest.param(_to_nobody, id="said to nobody"),
        pytest.param(_to_somebody, id="said to somebody else"),
        pytest.param(_to_somebody_in_thread, id="to somebody in a thread"),
        pytest.param(_reply_to_somebody, id="reply to somebody in a thread"),
    ],
)
async def test_what_is_not_for_us(place: Place, say: Callable[[Place], int]) -> None:
    assert place.read(say(place)) is None


async def test_a_reply_to_oneself_goes_on(place: Place) -> None:
    root = place.state.messages[place.say("a topic")]
    thread = place.state.start_thread(place.ana, root, "topic")
    first = place.say("one", channel=thread.id)
    reference = {"message_id": str(first)}

    reading = place.read(
        place.say("two", channel=thread.id, message_reference=reference)
    )

    assert reading is not None
    assert not reading.certain


async def test_a_webhook_is_no_person(place: Place) -> None:
    message = place.message(place.say(place.named("hi")), webhook_id="1")

    assert read(message, place.me, threads=True) is None


async def test_a_join_is_not_spoken(place: Place) -> None:
    message = place.message(place.say(place.named("hi")), type=7)

    assert read(message, place.me, threads=True) is None


async def test_words_that_we_are_not_given_are_not_for_us(place: Place) -> None:
    root = place.say("a topic")
    thread = place.state.start_thread(place.ana, place.state.messages[root], "topic")
    message = place.message(place.say("x", channel=thread.id), content="")

    assert read(message, place.me, threads=True) is None


@pytest.mark.parametrize("ping", [True, False], ids=["loud", "silent"])
async def test_a_reply_to_us_is_for_us(place: Place, ping: bool) -> None:
    answer = place.say("an answer", author=place.me)
    allowed = {"parse": [], "replied_user": ping}
    reference = {"message_id": str(answer)}
    reply = place.say("why?", message_reference=reference, allowed_mentions=allowed)

    reading = place.read(reply)

    assert is_named(place.message(reply), place.me) is ping
    assert reading is not None
    assert reading.certain
    assert reading.message.reply_to == str(answer)


async def test_a_reply_to_a_commands_answer_goes_on_with_it(place: Place) -> None:
    answer = place.say("an answer", author=place.me)
    reply = place.say("why?", message_reference={"message_id": str(answer)})
    data: Any = place.state.message_payload(place.state.messages[answer])
    user = place.state.user_payload(place.state.users[place.ana])
    data["interaction_metadata"] = {"id": "77", "type": 2, "user": user}
    message = place.message(reply, referenced_message=data)

    conversation = conversation_of(message, threads=True)

    assert conversation.thread == "ask-77"


async def test_a_manager_of_the_server_is_an_admin(place: Place) -> None:
    guild = place.state.guilds[place.guild_id]
    role = place.state.new_role(guild, "Staff", Permission.MANAGE_GUILD)
    place.state.give_role(guild, place.ana, role)

    boss = place.read(place.say(place.named("use x")))
    other = place.read(place.say(place.named("use x"), author=place.bo))

    assert boss is not None
    assert other is not None
    roles = frozenset({"Staff", str(role.id)})
    assert boss.message.author == Author(str(place.ana), "Ana", roles, is_admin=True)
    assert not other.message.author.is_admin


async def test_text_is_read_as_it_was_typed(place: Place) -> None:
    text = (
        f"<@{place.me}>, ask <@{place.bo}> in <#{place.channel_id}> "
        f"<:key:123456789012345678> `a < b`"
    )

    reading = place.read(place.say(text))

    assert reading is not None
    assert reading.message.text == "ask @Bo in #general :key: `a < b`"


async def test_files_and_forwarded_words_come_along(place: Place) -> None:
    file = {
        "id": "1",
        "filename": "plan.md",
        "size": 6,
        "url": "http://127.0.0.1/plan.md",
        "proxy_url": "",
        "content_type": "text/markdown",
    }
    asked = place.say(place.named("what is this?"), attachments=[file])
    snapshot = place.state.message_payload(place.state.messages[place.say("quoted")])
    message = place.message(asked, message_snapshots=[{"message": snapshot}])

    reading = read(message, place.me, threads=True)

    assert reading is not None
    assert reading.message.text == "what is this?\n> quoted"
    assert [a.name for a in reading.message.attachments] == ["plan.md"]
    assert reading.message.attachments[0].media_type == "text/markdown"


async def test_an_edited_message_says_so(place: Place) -> None:
    asked = place.say(place.named("one"))
    place.state.edit(place.state.messages[asked], {"content": place.named("two")})

    reading = place.read(asked)

    assert reading is not None
    assert reading.message.edited
    assert reading.message.text == "two"


async def test_a_place_is_read_from_ids_alone(place: Place) -> None:
    direct = place_of(None, discord.Object(5))

    assert direct == ConversationId("discord", "dm", "5")


@pytest.mark.parametrize(
    ("emoji", "judged"),
    [
        ("👍", "good"),
        ("👍🏽", "good"),
        ("✅", "good"),
        ("👎", "bad"),
        ("👎🏿", "bad"),
        ("❌", "bad"),
        ("❌\ufe0f", "bad"),
        ("🎉", None),
        ("<:yes:123456789012345678>", None),
    ],
)
def test_reactions_are_verdicts(emoji: str, judged: str | None) -> None:
    assert verdict(emoji) == judged


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("\n\nWhere is it?\nI looked.", "Where is it?", id="first line"),
        pytest.param("", "Question", id="nothing"),
        pytest.param("word " * 40, "word " * 17 + "word …", id="long"),
        pytest.param("x" * 200, "x" * 90 + " …", id="one long word"),
    ],
)
def test_a_thread_is_named_after_its_question(text: str, name: str) -> None:
    assert title(text) == name
    assert len(name) <= 100


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([{"type": 1, "name": "status"}], "status"),
        ([{"type": 1, "name": "forget-me"}], "forget-me"),
        (
            [
                {
                    "type": 1,
                    "name": "share",
                    "options": [
                        {"name": "percent", "type": 4, "value": 20},
                        {"name": "backend", "type": 3, "value": "handbook"},
                        {"name": "where", "type": 3, "value": "server"},
                    ],
                }
            ],
            "use handbook server --share 20",
        ),
    ],
    ids=["plain", "dash", "use"],
)
def test_a_command_reads_as_in_the_chat(options: list[Any], words: str) -> None:
    use = use_of({"name": "curbside", "options": options})
    assert use is not None
    assert use.words == words
    assert question({"name": "curbside", "options": options}) is None


def test_a_question_by_command() -> None:
    data = {
        "name": "ask",
        "options": [{"name": "question", "type": 3, "value": "why?"}],
    }

    assert question(data) == "why?"
    assert use_of(data) is None


def test_backends_are_suggested_by_what_is_typed() -> None:
    focused = {"name": "backend", "type": 3, "value": "HAND", "focused": True}
    data = {"options": [{"type": 1, "name": "use", "options": [focused]}]}

    assert suggestions(data, ["handbook", "voice", "old-handbook"], ()) == [
        Suggestion("handbook", "handbook"),
        Suggestion("old-handbook", "old-handbook"),
    ]
    assert len(suggestions({}, [str(n) for n in range(40)], ())) == 25
    assert suggestions({}, ["n" * 101], ()) == []
