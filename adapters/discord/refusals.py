"""What Discord's errors mean for us, and what a person can do about each."""

import discord

from bot.errors import DeliveryError, DeliveryImpossible, DeliveryLater, MessageGone

BANNED_SECONDS = 30.0
"""The pause after a refusal for calling too much that did not come from the API."""

LIMITED_SECONDS = 1.0

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK = 10003, 10008, 10015
INVALID_TOKEN, ARCHIVED, THREAD_EXISTS = 50027, 50083, 160004

MISSING_ACCESS, MISSING_PERMISSIONS = 50001, 50013

CLOSED_FIX = (
    "the thread is archived or locked; a moderator must open it, or give the bot's "
    "role Manage Threads there"
)
TOKEN_FIX = (
    "Discord does not accept the token; make a new one under Bot in the developer "
    "portal (discord.com/developers/applications) and set it as CURBSIDE_DISCORD_TOKEN"
)
INTENT_FIX = (
    "setting 'discord.message_content' is on, but the bot may not read messages: turn "
    'on "Message Content Intent" under Bot, Privileged Gateway Intents, in the '
    "developer portal (discord.com/developers/applications), or set "
    "CURBSIDE_DISCORD_MESSAGE_CONTENT=false"
)

FIXES = {
    UNKNOWN_CHANNEL: "the channel or thread is gone",
    MISSING_ACCESS: (
        "the bot cannot see the channel; give its role View Channel and Read Message "
        "History there"
    ),
    50007: "the person does not take direct messages from the bot",
    MISSING_PERMISSIONS: (
        "the bot's role lacks a permission there; it needs Send Messages, Send "
        "Messages in Threads, Create Public Threads and Read Message History"
    ),
    ARCHIVED: "the thread is archived; somebody must write in it first",
    160002: "give the bot's role Read Message History, or it cannot reply",
    160005: "the thread is locked; a moderator must unlock it",
}


class DiscordRefused(DeliveryImpossible):
    """Discord answered with an error that trying again does not mend."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class TokenRefused(DiscordRefused):
    """The bot's token is not accepted."""


def refusal(
    what: str, error: discord.DiscordException, unclear: type[DeliveryError]
) -> DeliveryError:
    """What an error of the library means for us."""
    if isinstance(error, discord.LoginFailure):
        return TokenRefused(TOKEN_FIX, 0)
    if isinstance(error, discord.RateLimited):
        return DeliveryLater(f"Discord limits {what}", error.retry_after)
    if not isinstance(error, discord.HTTPException):
        return unclear(f"{what} failed: {type(error).__name__} {error}")
    if error.status == 429:
        return DeliveryLater(f"Discord limits {what}", advised(error))
    if error.status >= 500:
        return unclear(f"Discord is in trouble: {what}: HTTP {error.status}")
    if error.code == UNKNOWN_MESSAGE:
        return MessageGone(f"the message of {what} is not there any more")
    if error.status == 401 and error.code != INVALID_TOKEN:
        return TokenRefused(TOKEN_FIX, error.code)
    fix = FIXES.get(error.code, error.text)
    return DiscordRefused(f"Discord refused {what} ({error.code}): {fix}", error.code)


def advised(error: discord.HTTPException) -> float:
    """Seconds to leave Discord alone after a refusal for calling too much."""
    pause = str(error.response.headers.get("Retry-After", ""))
    seconds = float(pause) if pause.replace(".", "", 1).isdigit() else 0.0
    return max(seconds, BANNED_SECONDS if is_ban(error) else LIMITED_SECONDS)


def is_ban(error: discord.HTTPException) -> bool:
    """Whether it is not the API that refuses, but what stands before it."""
    return error.status == 429 and not error.response.headers.get("Via")
