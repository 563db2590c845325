"""What an act of a person looks like on the wire: commands, clicks, modals, tabs."""

from .payloads import Payloads
from .workspace import JSON, Channel, Message, User


class Acts(Payloads):
    """Payloads of interactions, and events of the agent's surface."""

    def slash_command(
        self, user: User, channel: Channel, command: str, text: str, response_url: str
    ) -> JSON:
        name = "directmessage" if channel.kind == "im" else channel.name
        return {
            "token": "verification",
            "team_id": self.workspace.team_id,
            "team_domain": "local",
            "channel_id": channel.id,
            "channel_name": name,
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": self.workspace.app_id,
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": self.workspace.new_id("trigger."),
        }

    def block_actions(
        self, user: User, message: Message, action: JSON, response_url: str
    ) -> JSON:
        container: JSON = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": False,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        return self._act("block_actions", user) | {
            "container": container,
            "channel": self._channel(message.channel),
            "message": self.message(message),
            "state": {"values": {}},
            "response_url": response_url,
            "actions": [action | {"action_ts": self.workspace.new_ts()}],
        }

    def view_actions(self, user: User, view: JSON, action: JSON) -> JSON:
        return self._act("block_actions", user) | {
            "container": {"type": "view", "view_id": view["id"]},
            "view": view,
            "actions": [action | {"action_ts": self.workspace.new_ts()}],
        }

    def view(self, user: User, type_: str, view: JSON) -> JSON:
        """A view_submission or a view_closed."""
        return self._act(type_, user) | {"view": view, "response_urls": []}

    def message_action(
        self, user: User, message: Message, callback_id: str, response_url: str
    ) -> JSON:
        return self._act("message_action", user) | {
            "callback_id": callback_id,
            "action_ts": self.workspace.new_ts(),
            "channel": self._channel(message.channel),
            "message_ts": message.ts,
            "message": self.message(message),
            "response_url": response_url,
        }

    def home_opened(
        self, user: User, channel: str, tab: str, view: JSON | None
    ) -> JSON:
        event: JSON = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": channel,
            "tab": tab,
            "event_ts": self.workspace.new_ts(),
        }
        if view is not None and tab == "home":
            event["view"] = view
        return event

    def context_changed(self, user: User, channel: str) -> JSON:
        """`channel` is what the person looks at; "" for nothing we may know of."""
        kind, team = "slack#/types/channel_id", self.workspace.team_id
        entity = {"type": kind, "value": channel, "team_id": team}
        return {
            "type": "app_context_changed",
            "user": user.id,
            "context": {"entities": [entity]} if channel else {},
            "event_ts": self.workspace.new_ts(),
        }

    def session_stopped(
        self, user: User, channel: str, thread: str, streams: list[str]
    ) -> JSON:
        return {
            "type": "agent_session_stopped",
            "channel": channel,
            "thread_ts": thread,
            "user": user.id,
            "streaming_message_ts": streams,
            "event_ts": self.workspace.new_ts(),
        }

    def title_changed(self, user: User, where: JSON, title: str, before: str) -> JSON:
        return where | {
            "type": "agent_session_title_changed",
            "title": title,
            "previous_title": before,
            "user": user.id,
            "event_ts": self.workspace.new_ts(),
        }

    def _act(self, type_: str, user: User) -> JSON:
        """What all payloads of interactions begin with."""
        team = {"id": self.workspace.team_id, "domain": "local"}
        person = {"id": user.id, "username": user.name, "name": user.name}
        return {
            "type": type_,
            "user": person | {"team_id": team["id"]},
            "api_app_id": self.workspace.app_id,
            "token": "verification",
            "trigger_id": self.workspace.new_id("trigger."),
            "team": team,
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _channel(self, id_: str) -> JSON:
        channel = self.workspace.channels[id_]
        name = "directmessage" if channel.kind == "im" else channel.name
        return {"id": id_, "name": name}
