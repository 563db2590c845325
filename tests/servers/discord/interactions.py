"""What people do that a bot must answer: commands, buttons, choices, forms."""

import secrets
from typing import Any

from .commands import MESSAGE_COMMAND, CommandRoutes, innermost
from .components import BUTTON, every
from .forms import filled_in
from .model import Channel, Guild, Intent, Interaction, Message, Payload
from .rest import RestRoutes


class Interactions:
    """Tells the bot what a person used, over the gateway."""

    def __init__(self, rest: RestRoutes) -> None:
        self.commands = CommandRoutes(rest.state)
        self._rest = rest
        self._state = rest.state

    def run(
        self, user_id: int, channel: Channel, line: str, options: dict[str, Any]
    ) -> Interaction:
        """A person runs `line`."""
        data = self.commands.used(user_id, channel, line, options)
        interaction = self._begin(user_id, channel, type=2, name=line)
        return self._tell(interaction, channel, {"data": data})

    def menu(self, user_id: int, message: Message, name: str) -> Interaction:
        """A person runs a command from the menu of a message."""
        channel = self._state.channel(message.channel_id)
        command = self.commands.offered(user_id, channel, name, MESSAGE_COMMAND)
        # The bot may read this message, whatever its intents.
        shown = self._state.message_payload(message)
        data: Payload = {
            "id": command["id"],
            "name": command["name"],
            "type": MESSAGE_COMMAND,
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): shown}},
        }
        interaction = self._begin(user_id, channel, type=2, name=name)
        return self._tell(interaction, channel, {"data": data})

    def suggest(
        self, user_id: int, channel: Channel, line: str, options: dict[str, Any]
    ) -> Interaction:
        """A person is typing the last of the options and is shown suggestions."""
        data = self.commands.used(user_id, channel, line, options, whole=False)
        innermost(data["options"])[-1]["focused"] = True
        interaction = self._begin(user_id, channel, type=4, name=line)
        return self._tell(interaction, channel, {"data": data})

    def press(self, user_id: int, message: Message, custom_id: str) -> Interaction:
        """A person presses a button of a message."""
        return self._use(user_id, message, component(message, custom_id, BUTTON), {})

    def choose(
        self, user_id: int, message: Message, custom_id: str, values: list[str]
    ) -> Interaction:
        """A person chooses from a list in a message."""
        part = component(message, custom_id)
        known = [option["value"] for option in part.get("options") or ()]
        least, most = part.get("min_values", 1), part.get("max_values", 1)
        if set(values) - set(known) or not least <= len(values) <= most:
            raise LookupError(f"{least} to {most} of {known} can be chosen")
        return self._use(user_id, message, part, {"values": values})

    def _use(
        self, user_id: int, message: Message, part: Payload, more: Payload
    ) -> Interaction:
        channel = self._state.channel(message.channel_id)
        interaction = self._begin(user_id, channel, type=3, name=part["custom_id"])
        interaction.source_id = message.id
        data = {"custom_id": part["custom_id"], "component_type": part["type"]}
        shown = self._state.message_payload(message)
        data |= {"id": part["id"]} | more
        return self._tell(interaction, channel, {"data": data, "message": shown})

    def submit(
        self, user_id: int, channel: Channel, custom_id: str, values: dict[str, Any]
    ) -> Interaction:
        """A person sends the form that a modal showed."""
        shown = [
            interaction
            for interaction in self._state.interactions.values()
            if interaction.user_id == user_id
            and interaction.modal is not None
            and interaction.modal["custom_id"] == custom_id
        ]
        if not shown:
            raise LookupError(f"no form {custom_id!r} is shown to this user")
        opened = shown[-1]
        assert opened.modal is not None
        parts = filled_in(opened.modal["components"], values)
        opened.modal = None
        interaction = self._begin(user_id, channel, type=5, name=custom_id)
        more: Payload = {"data": {"custom_id": custom_id, "components": parts}}
        source = self._state.messages.get(opened.source_id or 0)
        if source is not None:
            interaction.source_id = source.id
            more["message"] = self._state.message_payload(source)
        return self._tell(interaction, channel, more)

    def _begin(
        self, user_id: int, channel: Channel, *, type: int, name: str
    ) -> Interaction:
        state = self._state
        id, now = state.clock.next_id(), state.clock.now()
        token = secrets.token_urlsafe(24)
        interaction = Interaction(id, token, user_id, channel.id, now, type, name)
        state.interactions[token] = interaction
        return interaction

    def _tell(
        self, interaction: Interaction, channel: Channel, more: Payload
    ) -> Interaction:
        state = self._state
        user = state.user_payload(state.users[interaction.user_id])
        held = state.permissions(interaction.user_id, channel)
        place = state.channel_payload(channel) | {"permissions": str(int(held))}
        payload: Payload = {
            "id": str(interaction.id),
            "application_id": str(state.application_id),
            "type": interaction.type,
            "token": interaction.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": place,
            "locale": "en-US",
            "entitlements": [],
            "attachment_size_limit": 10 * 2**20,
            "app_permissions": str(int(state.permissions(state.bot.id, channel))),
            "authorizing_integration_owners": {},
            "context": 1 if channel.guild_id is None else 0,
        } | more
        if channel.guild_id is None:
            payload["user"] = user
        else:
            guild = state.guilds[channel.guild_id]
            payload |= self._guild_part(guild, interaction.user_id, held)
        self._rest.gateway.dispatch("INTERACTION_CREATE", payload, Intent.NONE)
        return interaction

    def _guild_part(self, guild: Guild, user_id: int, held: int) -> Payload:
        member = self._state.full_member(guild.id, user_id)
        return {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "guild_locale": "en-US",
            "member": member | {"permissions": str(int(held))},
        }


def component(message: Message, custom_id: str, kind: int | None = None) -> Payload:
    """A component of a message that can be used now."""
    for part in every(message.components):
        if part.get("custom_id") == custom_id and kind in (None, part["type"]):
            if part.get("disabled"):
                raise LookupError(f"the component {custom_id!r} is switched off")
            return part
    raise LookupError(f"the message has no component {custom_id!r}")
