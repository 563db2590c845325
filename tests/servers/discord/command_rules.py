"""What Discord takes as commands."""

import re
from collections import Counter

from .errors import ApiError, form_error, wrong_length
from .model import Payload

# Discord also takes letters of all scripts, which must be small where that exists.
SLASH_NAME = re.compile(r"[-_'\w]{1,32}")
MOST = {1: 100, 2: 15, 3: 15}
MOST_OPTIONS = MOST_CHOICES = 25
MOST_CHARACTERS = 8000
SUB_COMMANDS = (1, 2)


def check_commands(commands: list[Payload]) -> None:
    """Refuse commands that Discord would refuse."""
    kinds = Counter(command.get("type", 1) for command in commands)
    if any(count > MOST[kind] for kind, count in kinds.items()):
        raise ApiError(30032)
    names = Counter((command.get("type", 1), command["name"]) for command in commands)
    for n, command in enumerate(commands):
        path = str(n)
        if names[command.get("type", 1), command["name"]] > 1:
            problem = "Application command names must be unique"
            code = "APPLICATION_COMMANDS_DUPLICATE_NAME"
            raise form_error(path, code, problem)
        if command.get("type", 1) == 1:
            check_part(command, path)
        elif not 1 <= len(command["name"]) <= 32:
            raise wrong_length(f"{path}.name", 1, 32)
        if characters(command) > MOST_CHARACTERS:
            problem = f"Command exceeds maximum size ({MOST_CHARACTERS})"
            raise form_error(path, "APPLICATION_COMMAND_TOO_LARGE", problem)


def check_part(part: Payload, path: str) -> None:
    """A command or an option: both have a name and say what they are for."""
    name = part["name"]
    if not SLASH_NAME.fullmatch(name) or name != name.lower():
        problem = "Command name is invalid"
        code = "APPLICATION_COMMAND_INVALID_NAME"
        raise form_error(f"{path}.name", code, problem)
    if not 1 <= len(part.get("description") or "") <= 100:
        raise wrong_length(f"{path}.description", 1, 100)
    options = part.get("options") or []
    if len(options) > MOST_OPTIONS:
        raise wrong_length(f"{path}.options", 0, MOST_OPTIONS)
    if len(part.get("choices") or []) > MOST_CHOICES:
        raise wrong_length(f"{path}.choices", 0, MOST_CHOICES)
    for n, choice in enumerate(part.get("choices") or ()):
        if not 1 <= len(choice["name"]) <= 100:
            raise wrong_length(f"{path}.choices.{n}.name", 1, 100)
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        problem = "Required options must be placed before non-required options"
        code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
        raise form_error(f"{path}.options", code, problem)
    if len({option["type"] in SUB_COMMANDS for option in options}) > 1:
        problem = "Sub-command and option types are mutually exclusive"
        code = "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"
        raise form_error(f"{path}.options", code, problem)
    for n, option in enumerate(options):
        check_part(option, f"{path}.options.{n}")


def characters(part: Payload) -> int:
    """What counts against the size of a command."""
    own = len(part["name"]) + len(part.get("description") or "")
    own += sum(
        len(choice["name"]) + len(str(choice["value"]))
        for choice in part.get("choices") or ()
    )
    return own + sum(characters(option) for option in part.get("options") or ())
