"""Interactions of a local Discord: commands run, buttons pressed, and the answers."""

import secrets
from typing import Any

from aiohttp import web
from servers.discord.commands import CommandRoutes, innermost
from servers.discord.faults import BASE, answer
from servers.discord.model import (
    COMMAND_ANSWER,
    EPHEMERAL,
    LOADING,
    ApiError,
    Channel,
    Guild,
    Intent,
    Interaction,
    Message,
    Payload,
)
from servers.discord.rest import RestRoutes, body, number, responding
from servers.discord.state import check_content

MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL = 4, 5, 6, 7, 9

FIRST_ANSWER_SECONDS = 3
TOKEN_SECONDS = 15 * 60


class InteractionRoutes:
    """Registered commands, what people do with them, and what the bot answers."""

    def __init__(self, rest: RestRoutes) -> None:
        self.commands = CommandRoutes(rest.state)
        self._rest = rest
        self._state = rest.state

    def add_to(self, app: web.Application) -> None:
        self.commands.add_to(app)
        webhook = BASE + "/webhooks/{application}/{token}"
        message = webhook + "/messages/{message}"
        callback = BASE + "/interactions/{interaction}/{token}/callback"
        app.router.add_post(callback, self.callback)
        app.router.add_post(webhook, responding(self.follow_up, 200))
        app.router.add_get(message, responding(self.fetched, 200))
        app.router.add_patch(message, responding(self.edited, 200))
        app.router.add_delete(message, responding(self.deleted, 204))

    def run(
        self, user_id: int, channel: Channel, line: str, options: dict[str, Any]
    ) -> Interaction:
        """A person runs `line`."""
        data = self.commands.used(user_id, channel, line, options)
        interaction = self._begin(user_id, channel, type=2, name=line)
        return self._tell(interaction, channel, {"data": data})

    def suggest(
        self, user_id: int, channel: Channel, line: str, options: dict[str, Any]
    ) -> Interaction:
        """A person is typing the last of the options and is shown suggestions."""
        data = self.commands.used(user_id, channel, line, options)
        innermost(data["options"])[-1]["focused"] = True
        interaction = self._begin(user_id, channel, type=4, name=line)
        return self._tell(interaction, channel, {"data": data})

    def press(self, user_id: int, message: Message, custom_id: str) -> Interaction:
        """A person presses a button of a message."""
        if not any(part.get("custom_id") == custom_id for part in parts(message)):
            raise LookupError(f"the message has no component {custom_id!r}")
        channel = self._state.channel(message.channel_id)
        interaction = self._begin(user_id, channel, type=3, name=custom_id)
        interaction.source_id = message.id
        data = {"custom_id": custom_id, "component_type": 2, "id": 1}
        shown = self._state.message_payload(message)
        return self._tell(interaction, channel, {"data": data, "message": shown})

    def submit(
        self, user_id: int, channel: Channel, custom_id: str, values: dict[str, str]
    ) -> Interaction:
        """A person sends the form that a modal showed."""
        interaction = self._begin(user_id, channel, type=5, name=custom_id)
        rows = [
            {
                "type": 1,
                "id": n,
                "components": [{"type": 4, "id": n, "custom_id": name, "value": value}],
            }
            for n, (name, value) in enumerate(values.items(), start=1)
        ]
        data = {"custom_id": custom_id, "components": rows}
        return self._tell(interaction, channel, {"data": data})

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

    async def callback(self, request: web.Request) -> web.Response:
        interaction = self._state.interactions.get(request.match_info["token"])
        if interaction is None or interaction.id != number(request, "interaction"):
            raise ApiError(10062)
        if self._state.clock.now() - interaction.time > FIRST_ANSWER_SECONDS:
            raise ApiError(10062)
        if interaction.answered:
            raise ApiError(40060)
        asked = body(request)
        self._first_answer(interaction, asked["type"], asked.get("data") or {})
        if request.query.get("with_response") not in ("1", "true"):
            return answer(None, 204)
        return answer(self._callback_answer(interaction))

    def _first_answer(self, interaction: Interaction, kind: int, data: Payload) -> None:
        if kind == MESSAGE:
            check_content(data)
        interaction.answered = True
        interaction.answer_type = kind
        if kind == MODAL:
            interaction.modal = data
        elif kind == UPDATE and interaction.source_id is not None:
            self._state.edit(self._state.messages[interaction.source_id], data)
        elif kind in (MESSAGE, DEFERRED_MESSAGE):
            if kind == DEFERRED_MESSAGE:
                data = {"flags": data.get("flags", 0) | LOADING}
            interaction.original_id = self._write(interaction, data).id
        if kind in (UPDATE, DEFERRED_UPDATE):
            interaction.original_id = interaction.source_id

    def _callback_answer(self, interaction: Interaction) -> Payload:
        original = self._state.messages.get(interaction.original_id or 0)
        flags = 0 if original is None else original.flags
        payload: Payload = {
            "interaction": {
                "id": str(interaction.id),
                "type": interaction.type,
                "response_message_loading": bool(flags & LOADING),
                "response_message_ephemeral": bool(flags & EPHEMERAL),
                "channel_id": str(interaction.channel_id),
            },
            "resource": {"type": interaction.answer_type},
        }
        if original is not None:
            payload["interaction"]["response_message_id"] = str(original.id)
            shown = self._state.message_payload(original)
            payload["resource"]["message"] = shown
        return payload

    def _write(self, interaction: Interaction, data: Payload) -> Message:
        state = self._state
        message = Message(
            state.clock.next_id(),
            interaction.channel_id,
            state.bot.id,
            data.get("content") or "",
            state.clock.now(),
            COMMAND_ANSWER,
            data.get("flags") or 0,
            attachments=data.get("attachments") or [],
            embeds=data.get("embeds") or [],
            components=data.get("components") or [],
            allowed_mentions=data.get("allowed_mentions"),
            interaction_id=interaction.id,
        )
        interaction.message_ids.append(message.id)
        return state.publish(message, state.channel(interaction.channel_id))

    def _open(self, request: web.Request) -> Interaction:
        interaction = self._state.interactions.get(request.match_info["token"])
        if interaction is None:
            raise ApiError(10015)
        if self._state.clock.now() - interaction.time > TOKEN_SECONDS:
            raise ApiError(50027)
        return interaction

    def _answer_message(self, request: web.Request) -> Message:
        interaction = self._open(request)
        if not interaction.answered:
            # The webhook comes into being with the first answer.
            raise ApiError(10015)
        name = request.match_info["message"]
        id = interaction.original_id if name == "@original" else int(name)
        if id is None or id not in self._state.messages:
            raise ApiError(10008)
        return self._state.messages[id]

    async def follow_up(self, request: web.Request) -> Payload:
        interaction = self._open(request)
        if not interaction.answered:
            raise ApiError(10015)
        channel = self._state.channel(interaction.channel_id)
        data = self._rest.with_uploads(request, channel)
        check_content(data)
        original = self._state.messages.get(interaction.original_id or 0)
        if original is not None and original.flags & LOADING:
            # The first follow-up takes the place of "is thinking".
            return self._state.message_payload(self._state.edit(original, data))
        return self._state.message_payload(self._write(interaction, data))

    async def fetched(self, request: web.Request) -> Payload:
        return self._state.message_payload(self._answer_message(request))

    async def edited(self, request: web.Request) -> Payload:
        message = self._answer_message(request)
        channel = self._state.channel(message.channel_id)
        data = self._rest.with_uploads(request, channel)
        return self._state.message_payload(self._state.edit(message, data))

    async def deleted(self, request: web.Request) -> None:
        self._state.delete(self._answer_message(request))


def parts(message: Message) -> list[Payload]:
    """All components of a message, however deep they lie."""
    found: list[Payload] = []
    waiting = list(message.components)
    while waiting:
        part = waiting.pop()
        found.append(part)
        waiting += part.get("components", [])
        waiting += [part["accessory"]] if "accessory" in part else []
    return found
