"""What every Web API method asks first: may the app see, read, write this?"""

from dataclasses import dataclass

from .arguments import Arguments
from .blocks import MARKDOWN_LIMIT, check_message
from .workspace import JSON, Channel, Message, SlackError, Workspace


@dataclass
class Access:
    """The app's rights in one workspace."""

    workspace: Workspace

    def visible(self, arguments: Arguments, name: str = "channel") -> Channel:
        """A channel that the bot may know of: public, or it is in there."""
        key = arguments.required(name, "channel_not_found")
        channel = self.workspace.channel(key)
        if channel.kind != "channel" and self.workspace.bot.id not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def readable(self, arguments: Arguments, name: str = "channel") -> Channel:
        channel = self.visible(arguments, name)
        if self.workspace.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def writable(self, arguments: Arguments, name: str = "channel") -> Channel:
        channel = self.visible(arguments, name)
        if channel.archived:
            raise SlackError("is_archived")
        return self.readable(arguments, name)

    def own(self, channel: Channel, ts: str, error: str) -> Message:
        message = self.workspace.message(channel.id, ts)
        if message.user != self.workspace.bot.id:
            raise SlackError(error)
        return message


def text_of(arguments: Arguments, limit: int) -> str:
    markdown = arguments.text("markdown_text")
    text = arguments.text("text")
    if markdown and (text or arguments.structure("blocks")):
        raise SlackError("markdown_text_conflict")
    if len(text) > limit or len(markdown) > MARKDOWN_LIMIT:
        raise SlackError("msg_too_long")
    if not (text or markdown or arguments.structure("blocks")):
        raise SlackError("no_text")
    return text or markdown


def blocks_of(arguments: Arguments) -> list[JSON]:
    return check_message(arguments.structure("blocks") or [])
