"""Our commands made known to Discord, when they are not what they were."""

import hashlib
import json
import logging
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import discord
from discord.http import Route

from adapters.discord.commands import COMMANDS
from bot.errors import StateUnavailable
from bot.state.base import Record, Records

log = logging.getLogger(__name__)

KIND = "discord commands"
MISSING_ACCESS = 50001

INVITE = (
    "https://discord.com/oauth2/authorize?client_id={}&scope=bot+applications.commands"
)


class Registration:
    """Registers the commands, for all servers or for one that is worked in."""

    def __init__(self, records: Records, guild: str = "") -> None:
        self._records = records
        self._guild = guild
        self.problem = ""
        """Why the commands are not as they should be, and the fix."""

    async def register(self, client: discord.Client) -> None:
        """Tell Discord our commands, unless it was told just these."""
        id_ = cast(int, client.application_id)
        name = f"{id_}:{self._guild or 'everywhere'}"
        made = fingerprint()
        try:
            known = await self._records.get(KIND, name)
            if known is not None and known.data.get("fingerprint") == made:
                return
            await self._tell(client, id_)
            self.problem = ""
            now = datetime.now(UTC)
            await self._records.put(Record(KIND, name, {"fingerprint": made}, at=now))
            log.info("discord: commands registered")
        except discord.HTTPException as error:
            self.problem = _problem(error, id_, self._guild)
            # Everything but the commands works without this.
            log.warning("discord: %s", self.problem)
        except (aiohttp.ClientError, OSError, StateUnavailable) as error:
            log.warning("discord: commands are not registered: %s", error)

    async def _tell(self, client: discord.Client, id_: int) -> None:
        payload = cast(Any, [dict(command) for command in COMMANDS])
        path = "/applications/{application_id}/commands"
        if self._guild:
            path = "/applications/{application_id}/guilds/{guild_id}/commands"
        route = Route("PUT", path, application_id=id_, guild_id=self._guild or None)
        await client.http.request(route, json=payload)


def fingerprint() -> str:
    """The same for the same commands."""
    text = json.dumps(COMMANDS, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _problem(error: discord.HTTPException, id_: int, guild: str) -> str:
    if error.code == MISSING_ACCESS:
        where = f" of {guild}" if guild else ""
        return (
            f"Discord does not let the bot have commands{where}; somebody who manages "
            f"the server must add it again by {INVITE.format(id_)}"
        )
    return f"Discord refused the commands ({error.code}): {error.text}"
