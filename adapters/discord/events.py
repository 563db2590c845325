"""What Discord sends, turned into our events; pure, so it can be tested alone."""

import re
from dataclasses import dataclass, replace

import discord

from bot.model import Attachment, Author, ConversationId, Message

SPOKEN = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""Types of a message that a person wrote; joins, pins and boosts have others."""

PRIVATE = "dm"
"""The workspace of direct messages."""

ASKED = "ask-"
"""Begins the thread of a question by command, which has none on Discord."""

VERDICTS = {"👍": "good", "✅": "good", "👎": "bad", "❌": "bad"}

TITLE_LENGTH = 90

_SKIN_TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as we read it.

    Unless it is `certain`, it is for us only in a conversation that we take part in.
    """

    message: Message
    certain: bool


def read(message: discord.Message, me: int, *, threads: bool) -> Reading | None:
    """Our reading of a message; None when it cannot be for us."""
    if not by_person(message):
        return None
    certain = message.guild is None or is_named(message, me) or _replies(message, me)
    if not certain and not _may_follow_up(message):
        return None
    if not certain and not (message.content or message.attachments):
        # Somebody's words that we are not given: Discord blanks them.
        return None
    return Reading(to_message(message, me, threads=threads), certain)


def overheard(message: discord.Message, me: int, *, threads: bool) -> Message | None:
    """What a person said to nobody in particular, for a place where that is a question.

    None for what is said to somebody else, and for words that we are not given.
    """
    target = _target(message)
    to_another = target is not None and target.author.id != message.author.id
    if not by_person(message) or to_another or message.content.startswith("<@"):
        return None
    if not (message.content or message.attachments):
        return None
    return replace(to_message(message, me, threads=threads), direct=False)


def by_person(message: discord.Message) -> bool:
    """Whether a person wrote it, and not a program or Discord itself."""
    return not (message.author.bot or message.webhook_id) and message.type in SPOKEN


def is_named(message: discord.Message, me: int) -> bool:
    """Whether the message mentions us; a reply does that too, unless it is silent."""
    return any(user.id == me for user in message.mentions)


def _replies(message: discord.Message, me: int) -> bool:
    # A silent reply reaches us blank without the message content intent.
    target = _target(message)
    return bool(message.content) and target is not None and target.author.id == me


def _may_follow_up(message: discord.Message) -> bool:
    """Whether it stands in a thread, and is not said to somebody else there."""
    target = _target(message)
    to_another = target is not None and target.author.id != message.author.id
    if not isinstance(message.channel, discord.Thread) or to_another:
        return False
    return not message.content.lstrip().startswith("<@")


def _target(message: discord.Message) -> discord.Message | None:
    """The message that this one replies to, as far as Discord shows it."""
    resolved = message.reference.resolved if message.reference else None
    return resolved if isinstance(resolved, discord.Message) else None


def to_message(message: discord.Message, me: int, *, threads: bool) -> Message:
    """A message of Discord's as our message."""
    reference = message.reference.message_id if message.reference else None
    words = [_post_title(message), message.content, *_forwarded(message)]
    files = [*message.attachments]
    for shot in message.message_snapshots:
        files += shot.attachments
    stickers = (Attachment(f"{it.name} (sticker)") for it in message.stickers)
    return Message(
        id=str(message.id),
        conversation=conversation_of(message, threads=threads),
        author=to_author(message.author),
        text=plain("\n".join(filter(None, words)), message, me),
        sent_at=message.created_at,
        attachments=(*(_attachment(file) for file in files), *stickers),
        reply_to=None if reference is None else str(reference),
        edited=message.edited_at is not None,
        locale=str(message.guild.preferred_locale) if message.guild else "",
    )


def is_post(message: discord.Message) -> bool:
    """Whether the message opened a post in a forum; the post has its id."""
    channel = message.channel
    if not isinstance(channel, discord.Thread) or channel.id != message.id:
        return False
    return isinstance(channel.parent, discord.ForumChannel)


def _post_title(message: discord.Message) -> str:
    """The title of a post, where most people put their question."""
    if not is_post(message) or not isinstance(message.channel, discord.Thread):
        return ""
    return message.channel.name


def _forwarded(message: discord.Message) -> list[str]:
    """What was forwarded, as quotations: they are not the author's own words."""
    return [
        "\n".join(f"> {line}" for line in shot.content.split("\n"))
        for shot in message.message_snapshots
        if shot.content
    ]


def conversation_of(message: discord.Message, *, threads: bool) -> ConversationId:
    """The conversation of a message, which may be about to get a thread."""
    channel, guild = message.channel, message.guild
    if guild is None or isinstance(channel, discord.Thread) or not threads:
        return place_of(guild.id if guild else None, channel)
    target = _target(message)
    if target is not None and target.interaction_metadata is not None:
        # A reply to the answer of a command goes on with what the command began.
        asked = ASKED + str(target.interaction_metadata.id)
        return ConversationId("discord", str(guild.id), str(channel.id), asked)
    root = str(message.id) if may_open_thread(channel, guild) else ""
    return ConversationId("discord", str(guild.id), str(channel.id), root)


def place_of(
    guild_id: int | None, channel: discord.abc.Snowflake, thread: str = ""
) -> ConversationId:
    """The conversation of a channel or thread as a whole."""
    workspace = PRIVATE if guild_id is None else str(guild_id)
    if isinstance(channel, discord.Thread):
        parent, thread = str(channel.parent_id), str(channel.id)
        return ConversationId("discord", workspace, parent, thread)
    return ConversationId("discord", workspace, str(channel.id), thread)


def may_open_thread(channel: object, guild: discord.Guild) -> bool:
    """Whether we can answer there in a new thread; voice channels have none."""
    known = isinstance(guild.me, discord.Member)  # not so before the first events
    if not (known and isinstance(channel, discord.TextChannel)):
        return False
    ours = channel.permissions_for(guild.me)
    return ours.create_public_threads and ours.send_messages_in_threads


def to_author(user: discord.User | discord.Member) -> Author:
    """Who wrote it; an admin is who may manage the server."""
    if not isinstance(user, discord.Member):
        return Author(str(user.id), user.display_name)
    held = [role for role in user.roles if not role.is_default()]
    roles = frozenset(name for role in held for name in (role.name, str(role.id)))
    admin = user.guild_permissions.manage_guild
    return Author(str(user.id), user.display_name, roles, is_admin=admin)


def plain(text: str, message: discord.Message, me: int) -> str:
    """The text as it was typed: our own mention left out, the others by their names."""
    text = re.sub(rf"[ \t]*<@!?{me}>[ \t]*[,:]?[ \t]*", " ", text)
    names = {f"<@{user.id}>": f"@{user.display_name}" for user in message.mentions}
    names |= {f"<@!{user.id}>": f"@{user.display_name}" for user in message.mentions}
    names |= {f"<@&{role.id}>": f"@{role.name}" for role in message.role_mentions}
    names |= {f"<#{there.id}>": f"#{there.name}" for there in message.channel_mentions}
    for code, name in names.items():
        text = text.replace(code, name)
    return _EMOJI.sub(r":\1:", text).strip()


def verdict(emoji: str) -> str | None:
    """What a reaction says of an answer; None when it says nothing."""
    # A skin tone is no part of the verdict.
    return VERDICTS.get(_SKIN_TONES.sub("", emoji))


def title(text: str) -> str:
    """A name for the thread of a question."""
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    if len(line) > TITLE_LENGTH:
        line = line[:TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,.;:") + " …"
    return line or "Question"


def _attachment(file: discord.Attachment) -> Attachment:
    return Attachment(file.filename, file.content_type or "", file.size, file.url)
