"""The registered commands of a local Discord, and what using one looks like."""

from collections import defaultdict
from typing import Any

from aiohttp import web

from .command_rules import check_commands
from .errors import ApiError
from .faults import BASE
from .model import Channel, Payload, Permission
from .rest import body, responding
from .state import DiscordState

GLOBAL = 0
SLASH_COMMAND, MESSAGE_COMMAND = 1, 3
CREATES_A_DAY = 200


class CommandRoutes:
    """GET and PUT of commands, for all guilds or for one."""

    def __init__(self, state: DiscordState) -> None:
        self.registered: dict[int, list[Payload]] = {GLOBAL: []}
        """Guild id to its commands; the global ones are under 0."""
        self.creates: dict[int, int] = defaultdict(int)
        """How many commands were made anew; only so many are taken in a day."""
        self._state = state

    def add_to(self, app: web.Application) -> None:
        everywhere = BASE + "/applications/{application}/commands"
        in_guild = BASE + "/applications/{application}/guilds/{guild}/commands"
        for path in (everywhere, in_guild):
            app.router.add_get(path, responding(self.listed, 200))
            app.router.add_put(path, responding(self.replaced, 200))

    def _place(self, request: web.Request) -> int:
        guild_id = int(request.match_info.get("guild", GLOBAL))
        if guild_id and guild_id not in self._state.guilds:
            raise ApiError(50001)
        return guild_id

    async def listed(self, request: web.Request) -> list[Payload]:
        return self.registered.get(self._place(request), [])

    async def replaced(self, request: web.Request) -> list[Payload]:
        guild_id, asked = self._place(request), body(request) or []
        check_commands(asked)
        here = self.registered.get(guild_id, [])
        known = {(command["type"], command["name"]): command for command in here}
        fresh = [
            {"type": SLASH_COMMAND, "description": "", "options": []} | c for c in asked
        ]
        made = [c for c in fresh if (c["type"], c["name"]) not in known]
        if self.creates[guild_id] + len(made) > CREATES_A_DAY:
            raise ApiError(30034)
        self.creates[guild_id] += len(made)
        for command in fresh:
            before = known.get((command["type"], command["name"]), {})
            command |= {
                "id": before.get("id") or str(self._state.clock.next_id()),
                "application_id": str(self._state.application_id),
                "version": str(self._state.clock.next_id()),
            } | ({"guild_id": str(guild_id)} if guild_id else {})
        self.registered[guild_id] = fresh
        return fresh

    def used(
        self,
        user_id: int,
        channel: Channel,
        line: str,
        options: dict[str, Any],
        *,
        whole: bool = True,
    ) -> Payload:
        """The data of an interaction: a command, or a command and its sub-command.

        While it is being typed it is not yet `whole`: options that it needs may lack.
        """
        names = line.removeprefix("/").split()
        command = self.offered(user_id, channel, names[0], SLASH_COMMAND)
        data: Payload = {"id": command["id"], "name": command["name"], "type": 1}
        data["options"] = filled(command, names[1:], options, whole=whole)
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        return data

    def offered(self, user_id: int, channel: Channel, name: str, kind: int) -> Payload:
        """The command of that name, if this person may run it there."""
        here = self.registered.get(channel.guild_id or 0, []) + self.registered[0]
        for command in here:
            if (command["name"], command["type"]) == (name, kind):
                self._may_run(user_id, channel, command)
                return command
        raise LookupError(f"no command {name!r} is registered")

    def _may_run(self, user_id: int, channel: Channel, command: Payload) -> None:
        needed = int(command.get("default_member_permissions") or 0)
        held = self._state.permissions(user_id, channel)
        if needed & ~held and not held & Permission.ADMINISTRATOR:
            raise PermissionError(f"/{command['name']} is hidden from this user")
        contexts = command.get("contexts")
        here = 1 if channel.guild_id is None else 0
        if contexts is not None and here not in contexts:
            raise PermissionError(f"/{command['name']} is not offered here")


def filled(
    command: Payload, names: list[str], options: dict[str, Any], *, whole: bool
) -> list[Payload]:
    """The options as Discord sends them, each with its registered type."""
    known = {option["name"]: option for option in command.get("options", [])}
    if names:
        below = known[names[0]]
        inner = filled(below, names[1:], options, whole=whole)
        return [{"name": below["name"], "type": below["type"], "options": inner}]
    needed = {n for n, o in known.items() if o.get("required")}
    if whole and (missing := needed - options.keys()):
        raise LookupError(f"/{command['name']} needs {sorted(missing)}")
    return [
        {"name": name, "type": known[name]["type"], "value": value}
        for name, value in options.items()
    ]


def innermost(options: list[Payload]) -> list[Payload]:
    """The options of the sub-command, if there is one."""
    while options and "options" in options[0]:
        options = options[0]["options"]
    return options
