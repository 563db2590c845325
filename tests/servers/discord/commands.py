"""The registered commands of a local Discord, and what using one looks like."""

from typing import Any

from aiohttp import web
from servers.discord.faults import BASE
from servers.discord.model import Channel, Payload, Permission
from servers.discord.rest import body, responding
from servers.discord.state import DiscordState

GLOBAL = 0


class CommandRoutes:
    """GET and PUT of commands, for all guilds or for one."""

    def __init__(self, state: DiscordState) -> None:
        self.registered: dict[int, list[Payload]] = {GLOBAL: []}
        """Guild id to its commands; the global ones are under 0."""
        self._state = state

    def add_to(self, app: web.Application) -> None:
        everywhere = BASE + "/applications/{application}/commands"
        in_guild = BASE + "/applications/{application}/guilds/{guild}/commands"
        for path in (everywhere, in_guild):
            app.router.add_get(path, responding(self.listed, 200))
            app.router.add_put(path, responding(self.replaced, 200))

    async def listed(self, request: web.Request) -> list[Payload]:
        return self.registered.get(int(request.match_info.get("guild", 0)), [])

    async def replaced(self, request: web.Request) -> list[Payload]:
        guild_id = int(request.match_info.get("guild", 0))
        known = {
            command["name"]: command for command in self.registered.get(guild_id, [])
        }
        fresh: list[Payload] = []
        for asked in body(request):
            id = known.get(asked["name"], {}).get("id")
            fresh.append(
                {"type": 1, "description": "", "options": []}
                | asked
                | {
                    "id": id or str(self._state.clock.next_id()),
                    "application_id": str(self._state.application_id),
                    "version": str(self._state.clock.next_id()),
                }
                | ({"guild_id": str(guild_id)} if guild_id else {})
            )
        self.registered[guild_id] = fresh
        return fresh

    def used(
        self, user_id: int, channel: Channel, line: str, options: dict[str, Any]
    ) -> Payload:
        """The data of an interaction: a command, or a command and its sub-command."""
        names = line.removeprefix("/").split()
        command = self._command(names[0], channel)
        self._may_run(user_id, channel, command)
        data: Payload = {"id": command["id"], "name": command["name"], "type": 1}
        data["options"] = filled(command, names[1:], options)
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        return data

    def _command(self, name: str, channel: Channel) -> Payload:
        here = self.registered.get(channel.guild_id or 0, []) + self.registered[0]
        for command in here:
            if command["name"] == name:
                return command
        raise LookupError(f"no command /{name} is registered")

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
    command: Payload, names: list[str], options: dict[str, Any]
) -> list[Payload]:
    """The options as Discord sends them, each with its registered type."""
    known = {option["name"]: option for option in command.get("options", [])}
    if names:
        below = known[names[0]]
        inner = filled(below, names[1:], options)
        return [{"name": below["name"], "type": below["type"], "options": inner}]
    needed = {n for n, o in known.items() if o.get("required")}
    if missing := needed - options.keys():
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
