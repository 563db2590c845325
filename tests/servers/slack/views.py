"""Modals and Home tabs: views.open, .push, .update, .publish, and their triggers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .arguments import Arguments
from .blocks import check_view
from .workspace import JSON, SlackError, Workspace

TRIGGER_SECONDS = 3.0
DEPTH = 3
"""So many modals may lie on one another."""


@dataclass
class Triggers:
    """Each opens one modal, for three seconds. `seconds` may be shorter in a test."""

    seconds: float = TRIGGER_SECONDS
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, str]] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def add(self, trigger: str, user: str = "") -> None:
        self._known[trigger] = (self.clock(), user)

    def take(self, trigger: str) -> str:
        """The person who made it."""
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        if trigger not in self._known:
            raise SlackError("invalid_trigger_id")
        made, user = self._known[trigger]
        if self.clock() - made > self.seconds:
            raise SlackError("expired_trigger_id")
        self._used.add(trigger)
        return user


@dataclass
class Views:
    """What is open on people's screens. `opened` is the history of all modals."""

    workspace: Workspace
    triggers: Triggers = field(default_factory=Triggers)
    opened: list[JSON] = field(default_factory=list)
    modals: dict[str, JSON] = field(default_factory=dict)
    homes: dict[str, JSON] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def views_open(self, arguments: Arguments) -> JSON:
        given = check_view(arguments.structure("view"))
        if given["type"] != "modal":
            raise SlackError("invalid_arguments")
        user = self.triggers.take(arguments.required("trigger_id"))
        return {"view": self.show(given, user)}

    def views_push(self, arguments: Arguments) -> JSON:
        given = check_view(arguments.structure("view"))
        user = self.triggers.take(arguments.required("trigger_id"))
        below = self.stack(user)
        if not below:
            raise SlackError("invalid_trigger_id")
        if len(below) >= DEPTH:
            raise SlackError("push_limit_reached")
        return {"view": self.show(given, user, below=below[-1])}

    def views_update(self, arguments: Arguments) -> JSON:
        given = check_view(arguments.structure("view"))
        view = self.find(arguments.text("view_id"), arguments.text("external_id"))
        _check_hash(arguments, view)
        return {"view": self.replace(view["id"], given)}

    def views_publish(self, arguments: Arguments) -> JSON:
        user = self.workspace.user(arguments.required("user_id")).id
        given = check_view(arguments.structure("view"))
        if given["type"] != "home":
            raise SlackError("invalid_arguments")
        before = self.homes.get(user)
        if before is not None:
            _check_hash(arguments, before)
        view = self._complete(given, before["id"] if before else "")
        self.homes[user] = view
        self.owners[view["id"]] = user
        return {"view": view}

    def stack(self, user: str) -> list[JSON]:
        """A person's open modals, the topmost last."""
        return [view for id_, view in self.modals.items() if self.owners[id_] == user]

    def find(self, view_id: str, external_id: str = "") -> JSON:
        for view in (*self.modals.values(), *self.homes.values()):
            same = external_id and view.get("external_id") == external_id
            if view["id"] == view_id or same:
                return view
        raise SlackError("not_found")

    def show(self, given: JSON, user: str, below: JSON | None = None) -> JSON:
        """Put a modal on a person's screen."""
        external = given.get("external_id")
        if external and any(
            view.get("external_id") == external for view in self.modals.values()
        ):
            raise SlackError("duplicate_external_id")
        view = self._complete(given)
        if below is not None:
            view["previous_view_id"] = below["id"]
            view["root_view_id"] = below["root_view_id"]
        elif user:
            for old in self.stack(user):
                del self.modals[old["id"]]
        self.modals[view["id"]] = view
        self.owners[view["id"]] = user
        self.opened.append(view)
        return view

    def replace(self, id_: str, given: JSON) -> JSON:
        """Show something else in the same modal (or Home tab)."""
        view = self._complete(given, id_)
        owner = self.owners[id_]
        if id_ in self.modals:
            for key in ("previous_view_id", "root_view_id"):
                view[key] = self.modals[id_][key]
            self.modals[id_] = view
        else:
            self.homes[owner] = view
        return view

    def close(self, id_: str, *, all_of_them: bool = False) -> None:
        user = self.owners[id_]
        for view in self.stack(user) if all_of_them else [self.modals[id_]]:
            del self.modals[view["id"]]

    def _complete(self, given: JSON, id_: str = "") -> JSON:
        """A view as Slack gives it back; each one has a hash of its own."""
        id_ = id_ or self.workspace.new_id("V")
        defaults: dict[str, Any] = {
            "title": None,
            "submit": None,
            "close": None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "submit_disabled": False,
            "previous_view_id": None,
            "root_view_id": id_,
        }
        return (
            defaults
            | given
            | {
                "id": id_,
                "team_id": self.workspace.team_id,
                "state": {"values": {}},
                "hash": self.workspace.new_ts(),
                "app_id": self.workspace.app_id,
                "app_installed_team_id": self.workspace.team_id,
                "bot_id": self.workspace.bot.bot_id,
            }
        )


def _check_hash(arguments: Arguments, view: JSON) -> None:
    given = arguments.text("hash")
    if given and given != view["hash"]:
        raise SlackError("hash_conflict")
