"""How the bot answers interactions of a local Discord, over its REST API."""

from aiohttp import web

from .components import check_form, numbered
from .contents import check_content
from .errors import ApiError, form_error
from .faults import BASE, answer
from .mentions import note_mentions
from .model import (
    COMMAND_ANSWER,
    DEFAULT_MESSAGE,
    EPHEMERAL,
    LOADING,
    Interaction,
    Message,
    Payload,
)
from .rest import RestRoutes, body, number, responding

COMMAND, COMPONENT, TYPING, FORM = 2, 3, 4, 5
MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9

FIRST_ANSWER_SECONDS = 3
TOKEN_SECONDS = 15 * 60
MOST_CHOICES = 25


class AnswerRoutes:
    """The first answer to an interaction, and all that follows by its token."""

    def __init__(self, rest: RestRoutes) -> None:
        self._rest = rest
        self._state = rest.state

    def add_to(self, app: web.Application) -> None:
        webhook = BASE + "/webhooks/{application}/{token}"
        message = webhook + "/messages/{message}"
        callback = BASE + "/interactions/{interaction}/{token}/callback"
        app.router.add_post(callback, self.callback)
        app.router.add_post(webhook, responding(self.follow_up, 200))
        app.router.add_get(message, responding(self.fetched, 200))
        app.router.add_patch(message, responding(self.edited, 200))
        app.router.add_delete(message, responding(self.deleted, 204))

    async def callback(self, request: web.Request) -> web.Response:
        interaction = self._state.interactions.get(request.match_info["token"])
        if interaction is None or interaction.id != number(request, "interaction"):
            raise ApiError(10062)
        if self._state.clock.now() - interaction.time > FIRST_ANSWER_SECONDS:
            raise ApiError(10062)
        if interaction.answered:
            raise ApiError(40060)
        asked = body(request)
        place = self._state.channel(interaction.channel_id)
        data = self._rest.files.with_uploads(request, place)
        data = (data.get("data") or {}) | {
            name: data[name] for name in ("attachments",) if data.get(name)
        }
        self._first_answer(interaction, asked["type"], data)
        if request.query.get("with_response") not in ("1", "true"):
            return answer(None, 204)
        return answer(self._callback_answer(interaction))

    def _first_answer(self, interaction: Interaction, kind: int, data: Payload) -> None:
        check_answer(interaction, kind, data)
        interaction.answered = True
        interaction.answer_type = kind
        if kind == MODAL:
            parts = numbered(data["components"])
            interaction.modal = data | {"components": parts}
        elif kind == CHOICES:
            interaction.choices = data["choices"]
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
        channel = state.channel(interaction.channel_id)
        message = state.made(state.bot.id, channel, data, interaction_id=interaction.id)
        message.type = (
            COMMAND_ANSWER if interaction.type == COMMAND else DEFAULT_MESSAGE
        )
        note_mentions(state, message, channel, fresh=True)
        interaction.message_ids.append(message.id)
        return state.publish(message, channel)

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
        data = self._rest.files.with_uploads(request, channel)
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
        data = self._rest.files.with_uploads(request, channel, message)
        return self._state.message_payload(self._state.edit(message, data))

    async def deleted(self, request: web.Request) -> None:
        self._state.delete(self._answer_message(request))


def check_answer(interaction: Interaction, kind: int, data: Payload) -> None:
    """Refuse an answer that does not fit what is answered."""
    to_parts = interaction.source_id is not None
    allowed = {
        COMMAND: {MESSAGE, DEFERRED_MESSAGE, MODAL},
        COMPONENT: {MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL},
        TYPING: {CHOICES},
        FORM: {MESSAGE, DEFERRED_MESSAGE}
        | ({DEFERRED_UPDATE, UPDATE} if to_parts else set()),
    }[interaction.type]
    if kind not in allowed:
        kinds = ", ".join(str(one) for one in sorted(allowed))
        problem = f"Value of field 'type' must be one of ({kinds})."
        raise form_error("type", "BASE_TYPE_CHOICES", problem)
    if kind == MESSAGE:
        check_content(data)
    elif kind == MODAL:
        check_form(data)
    elif kind == CHOICES:
        check_choices(data.get("choices") or [])


def check_choices(choices: list[Payload]) -> None:
    if len(choices) > MOST_CHOICES:
        problem = f"Must be {MOST_CHOICES} or fewer in length."
        raise form_error("data.choices", "BASE_TYPE_MAX_LENGTH", problem)
    for n, choice in enumerate(choices):
        if not 1 <= len(choice["name"]) <= 100 or len(str(choice["value"])) > 100:
            problem = "Must be between 1 and 100 in length."
            raise form_error(f"data.choices.{n}.name", "BASE_TYPE_BAD_LENGTH", problem)
