"""What the workspace looks like on the wire: messages, channels, events, envelopes."""

import time
from typing import get_args

from .workspace import JSON, Channel, Kind, Message, SlackError, User, Workspace

KINDS: tuple[str, ...] = get_args(Kind)


class Payloads:
    """Builds the JSON of Slack for one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def bot_profile(self, user: User) -> JSON:
        return {
            "id": user.bot_id,
            "deleted": False,
            "name": user.name,
            "updated": 1,
            "app_id": self.workspace.app_id,
            "team_id": self.workspace.team_id,
        }

    def message(self, message: Message, *, metadata: bool = False) -> JSON:
        """A message as conversations.history and .replies show it."""
        view: JSON = {
            "type": "message",
            "user": message.user,
            "text": message.text,
            "ts": message.ts,
            "team": self.workspace.team_id,
        }
        for name in (
            "blocks",
            "subtype",
            "bot_id",
            "app_id",
            "thread_ts",
            "edited",
            "files",
        ):
            if value := getattr(message, name):
                view[name] = value
        if message.bot_id:
            profile = self.bot_profile(self.workspace.users[message.user])
            view["bot_profile"] = profile
        if message.reactions:
            view["reactions"] = [
                {"name": name, "users": users, "count": len(users)}
                for name, users in message.reactions.items()
                if users
            ]
        if metadata and message.metadata is not None:
            view["metadata"] = message.metadata
        return view | self._thread(message)

    def _thread(self, message: Message) -> JSON:
        if message.thread_ts is None:
            return {}
        if message.is_reply:
            try:
                root = self.workspace.root(message.channel, message.thread_ts)
            except SlackError:
                return {}  # the root was deleted, its replies are still there
            return {"parent_user_id": root.user}
        replies = self.workspace.messages(message.channel, message.ts)[1:]
        users = list(dict.fromkeys(reply.user for reply in replies))
        return {
            "reply_count": len(replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts if replies else message.ts,
            "is_locked": False,
            "subscribed": False,
        }

    def channel(self, channel: Channel) -> JSON:
        """A channel as conversations.info and users.conversations show it."""
        bot = self.workspace.bot.id
        view: JSON = {
            "id": channel.id,
            "created": channel.created,
            "is_archived": channel.archived,
            "is_im": channel.kind == "im",
            "is_org_shared": False,
        }
        if channel.kind == "im":
            return view | {"user": next(iter(channel.members - {bot}))}
        return view | {
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": channel.kind == "channel",
            "is_group": channel.kind == "group",
            "is_mpim": channel.kind == "mpim",
            "is_private": channel.kind != "channel",
            "is_general": False,
            "is_shared": False,
            "is_ext_shared": False,
            "creator": next(iter(sorted(channel.members)), bot),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }

    def user(self, user: User) -> JSON:
        return {
            "id": user.id,
            "team_id": self.workspace.team_id,
            "name": user.name,
            "real_name": user.name.title(),
            "deleted": False,
            "tz": "Europe/London",
            "tz_offset": 0,
            "profile": {
                "real_name": user.name.title(),
                "display_name": user.name,
                "team": self.workspace.team_id,
            },
            "is_admin": user.admin,
            "is_owner": user.owner,
            "is_primary_owner": user.owner,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": user.bot_id is not None,
            "is_app_user": False,
            "updated": 1,
        }

    def message_event(self, message: Message) -> JSON:
        """The `message` event of a new message."""
        hidden = {"reactions", "metadata", "reply_count", "latest_reply"}
        view = self.message(message)
        event = {key: view[key] for key in view.keys() - hidden}
        if message.client_msg_id:
            event["client_msg_id"] = message.client_msg_id
        return event | self._where(message) | {"event_ts": message.ts}

    def mention_event(self, message: Message) -> JSON:
        """The `app_mention` event that comes beside the `message` event."""
        left_out = {"reactions", "metadata", "parent_user_id", "reply_count"}
        left_out |= {"reply_users", "reply_users_count", "latest_reply", "is_locked"}
        view = self.message(message)
        event: JSON = {key: view[key] for key in view.keys() - left_out}
        event |= {"type": "app_mention", "channel": message.channel}
        if message.client_msg_id:
            event["client_msg_id"] = message.client_msg_id
        return event | {"event_ts": message.ts}

    def changed_event(self, message: Message, previous: JSON) -> JSON:
        return self._hidden(message, "message_changed") | {
            "message": self.nested(message),
            "previous_message": previous,
        }

    def deleted_event(self, message: Message, previous: JSON) -> JSON:
        return self._hidden(message, "message_deleted") | {
            "deleted_ts": message.ts,
            "previous_message": previous,
        }

    def nested(self, message: Message) -> JSON:
        """A message inside a message_changed or message_deleted event."""
        view = self.message(message)
        left_out = {"reactions", "metadata", "reply_users", "app_id"}
        inner: JSON = {key: view[key] for key in view.keys() - left_out}
        if message.client_msg_id:
            inner["client_msg_id"] = message.client_msg_id
        return inner

    def _hidden(self, message: Message, subtype: str) -> JSON:
        ts = self.workspace.new_ts()
        head = {"type": "message", "subtype": subtype, "hidden": True}
        return head | self._where(message) | {"ts": ts, "event_ts": ts}

    def _where(self, message: Message) -> JSON:
        kind = self.workspace.channels[message.channel].kind
        return {"channel": message.channel, "channel_type": kind}

    def reaction_event(
        self, type_: str, message: Message, user: str, name: str
    ) -> JSON:
        return {
            "type": type_,
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": message.channel, "ts": message.ts},
            "item_user": message.user,
            "event_ts": self.workspace.new_ts(),
        }

    def event_callback(self, event: JSON) -> JSON:
        """The body around an event; each call makes another event_id."""
        team = self.workspace.team_id
        return {
            "token": "verification",
            "team_id": team,
            "api_app_id": self.workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self.workspace.new_id("Ev"),
            "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": self.workspace.enterprise_id,
                    "team_id": team,
                    "user_id": self.workspace.bot.id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-context",
        }
