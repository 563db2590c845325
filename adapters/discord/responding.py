"""The reply to an interaction: for one person, in time, and once."""

import logging
from collections.abc import Sequence
from typing import Any

import aiohttp
import discord
from discord.http import Route

from adapters.discord.bodies import COMPONENTS_V2, EPHEMERAL, Body, whisper
from adapters.discord.components import JSON
from bot.words import say

log = logging.getLogger(__name__)

MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, MODAL = 4, 5, 6, 7, 9

UNKNOWN_INTERACTION, ALREADY_ANSWERED = 10062, 40060


class Expired(Exception):
    """Discord takes no reply any more: it waits for three seconds, then for fifteen
    minutes."""


class Reply:
    """What one interaction is answered with. The first answer counts for Discord."""

    def __init__(self, interaction: discord.Interaction) -> None:
        self._it = interaction
        self._deferred = False
        message = interaction.message
        flags = 0 if message is None else message.flags.value
        self._in_place = bool(flags & EPHEMERAL) and not flags & COMPONENTS_V2
        """A question to this person alone; the reply takes its place."""

    async def defer(self, *, whisper: bool = True) -> None:
        """Say that we are at it."""
        self._deferred = True
        if self._in_place:
            await self._first(DEFERRED_UPDATE)
        else:
            await self._first(DEFERRED, {"flags": EPHEMERAL if whisper else 0})

    async def nothing(self) -> None:
        """Take note without a word; a question that was answered goes away."""
        if self._in_place:
            await self.show([whisper(say("done"))])
        elif self._deferred:
            await self._call("DELETE", "/messages/@original")
        else:
            await self._first(DEFERRED_UPDATE)

    async def show(self, bodies: Sequence[Body]) -> None:
        """Show one message, or several, to the person alone."""
        first, *rest = bodies
        if self._deferred:
            await self._call("PATCH", "/messages/@original", first.seen_by_all())
        elif self._in_place:
            await self._first(UPDATE, first.seen_by_all().json)
        else:
            await self._first(MESSAGE, first.json)
        for body in rest:
            await self._call("POST", "", body)

    async def open(self, modal: JSON) -> bool:
        """Open a form; False when it is too late for one."""
        if self._deferred:
            return False
        await self._first(MODAL, modal)
        return True

    async def _first(self, kind: int, data: JSON | None = None) -> None:
        """Answer; once more if the connection breaks."""
        route = Route(
            "POST",
            "/interactions/{webhook_id}/{webhook_token}/callback",
            webhook_id=self._it.id,
            webhook_token=self._it.token,
        )
        payload = {"type": kind, "data": data or {}}
        try:
            await self._request(route, json=payload)
            return
        except (aiohttp.ClientError, OSError) as error:
            log.info("answering an interaction again: %s", error)
        try:
            await self._request(route, json=payload)
        except discord.HTTPException as error:
            if error.code != ALREADY_ANSWERED:
                raise

    async def _call(self, method: str, path: str, body: Body | None = None) -> None:
        route = Route(
            method,
            "/webhooks/{webhook_id}/{webhook_token}" + path,
            webhook_id=self._it.application_id,
            webhook_token=self._it.token,
        )
        await self._request(route, **({} if body is None else body.request()))

    async def _request(self, route: Route, **given: Any) -> None:
        try:
            await self._it.client.http.request(route, **given)
        except discord.NotFound as error:
            if error.code == UNKNOWN_INTERACTION:
                raise Expired(str(error)) from error
            raise
