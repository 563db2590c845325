"""What people press and fill in: buttons, modals, shortcuts, the Home tab, Stop."""

from typing import Any

from .blocks import check_view, elements
from .people import People
from .workspace import JSON, SlackError, User

CHOICES = frozenset({"static_select", "external_select", "radio_buttons", "overflow"})
MANY_CHOICES = frozenset({"multi_static_select", "multi_external_select", "checkboxes"})


class Interacting(People):
    """The hands of the people; each call sends its payload in the background.

    What an app answers to a modal in its ack is carried out like in Slack: errors are
    shown in it (`view_errors`), it is updated, closed, or another is put on top.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.view_errors: dict[str, JSON] = {}
        self.unanswered: list[JSON] = []

    def slash(
        self, user: str, channel: str, command: str = "/curbside", text: str = ""
    ) -> str:
        """Type a slash command; the trigger_id. Answers land in `ephemerals`."""
        person, place = self.workspace.user(user), self.workspace.channel(channel)
        seen: JSON = {"channel": place.id, "user": person.id, "thread_ts": None}
        url = self.response_url(seen)
        payload = self.payloads.slash_command(person, place, command, text, url)
        return self._send("slash_commands", payload, seen, person)

    def click(
        self, user: str, channel: str, ts: str, action_id: str, value: str = ""
    ) -> str:
        """Press a button of a message, or choose in it; the trigger_id.

        `value` says which of the two feedback buttons, or which option.
        """
        person, message = self.workspace.user(user), self._find(channel, ts)
        seen: JSON = {"channel": message.channel, "user": person.id}
        seen["thread_ts"] = message.thread_ts
        action = _action(message.blocks, action_id, value)
        url = self.response_url(seen)
        payload = self.payloads.block_actions(person, message, action, url)
        return self._send("interactive", payload, seen, person)

    def click_in_view(
        self, user: str, view_id: str, action_id: str, value: str = ""
    ) -> str:
        """Press a button of a modal or of the Home tab; the trigger_id."""
        person, view = self.workspace.user(user), self.web_api.modals.find(view_id)
        action = _action(view["blocks"], action_id, value)
        payload = self.payloads.view_actions(person, view, action)
        return self._send("interactive", payload, {"user": person.id}, person)

    def submit(self, user: str, view_id: str, values: JSON | None = None) -> str:
        """Fill a modal in, by action_id, and submit it; the trigger_id."""
        person, view = self.workspace.user(user), self.web_api.modals.find(view_id)
        view = view | {"state": {"values": _filled_in(view, values or {})}}
        payload = self.payloads.view(person, "view_submission", view)
        self.view_errors.pop(view_id, None)
        return self._send("interactive", payload, {"user": person.id}, person)

    def close_view(self, user: str, view_id: str) -> None:
        """Close a modal without submitting it."""
        person, view = self.workspace.user(user), self.web_api.modals.find(view_id)
        self.web_api.modals.close(view_id)
        if view["notify_on_close"]:
            payload = self.payloads.view(person, "view_closed", view)
            self._send("interactive", payload | {"is_cleared": False}, {}, person)

    def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> str:
        """Choose a message shortcut from the menu of a message; the trigger_id."""
        person, message = self.workspace.user(user), self._find(channel, ts)
        seen: JSON = {"channel": message.channel, "user": person.id}
        seen["thread_ts"] = message.thread_ts or message.ts
        url = self.response_url(seen)
        payload = self.payloads.message_action(person, message, callback_id, url)
        return self._send("interactive", payload, seen, person)

    def open_home(self, user: str, tab: str = "home") -> None:
        """Look at the app: its Home tab, or the `messages` with it."""
        person = self.workspace.user(user)
        home = self.web_api.modals.homes.get(person.id)
        channel = self.open_im(user)
        self.emit(self.payloads.home_opened(person, channel, tab, home))

    def look_at(self, user: str, channel: str = "") -> None:
        """Go to another channel while the app is open beside it."""
        place = self.workspace.channel(channel).id if channel else ""
        event = self.payloads.context_changed(self.workspace.user(user), place)
        self.emit(event | {"channel": self.open_im(user)})

    def stop_agent(self, user: str, channel: str, thread: str) -> list[str]:
        """Press Stop; the streams that Slack ended. Only while it is processing."""
        place = self.workspace.channel(channel).id
        session = self.web_api.agents.sessions.get((place, thread), {})
        streams = self.web_api.streaming.stop_in(place, thread)
        if session.get("status") != "processing" and not streams:
            raise SlackError("nothing_to_stop")
        person = self.workspace.user(user)
        self.emit(self.payloads.session_stopped(person, place, thread, streams))
        return streams

    def rename_session(self, user: str, channel: str, thread: str, title: str) -> None:
        """Give a session another title."""
        place = self.workspace.channel(channel).id
        session = self.web_api.agents.sessions[place, thread]
        before, session["title"] = session["title"], title
        person = self.workspace.user(user)
        where = {"channel": place, "thread_ts": thread}
        self.emit(self.payloads.title_changed(person, where, title, before))

    def modal(self, user: str) -> JSON | None:
        """The modal that a person sees, the topmost one."""
        stack = self.web_api.modals.stack(self.workspace.user(user).id)
        return stack[-1] if stack else None

    def home(self, user: str) -> JSON | None:
        """What a person sees in the Home tab."""
        return self.web_api.modals.homes.get(self.workspace.user(user).id)

    def _send(self, type_: str, payload: JSON, seen: JSON, person: User) -> str:
        trigger: str = payload["trigger_id"]
        self.web_api.triggers.add(trigger, person.id)
        self.sockets.background(self._interact(type_, payload, seen))
        return trigger

    async def _interact(self, type_: str, payload: JSON, seen: JSON) -> None:
        """An ack may carry an answer, which only the acting person sees."""
        acked, answer = await self.sockets.deliver_once(type_, payload)
        if not acked:
            self.unanswered.append(payload)
            return
        answer = answer if isinstance(answer, dict) else {}
        if payload.get("type") == "view_submission":
            self._submitted(payload, answer)
        elif answer.get("text") or answer.get("blocks"):
            shown = {key: answer[key] for key in ("text", "blocks") if key in answer}
            self.web_api.ephemerals.append(seen | {"text": ""} | shown)

    def _submitted(self, payload: JSON, answer: JSON) -> None:
        views, id_ = self.web_api.modals, payload["view"]["id"]
        what = answer.get("response_action")
        if id_ not in views.modals:
            return
        if what == "errors":
            self.view_errors[id_] = answer["errors"]
        elif what == "update":
            views.replace(id_, check_view(answer["view"]))
        elif what == "push":
            below, user = views.modals[id_], payload["user"]["id"]
            views.show(check_view(answer["view"]), user, below=below)
        else:
            views.close(id_, all_of_them=what == "clear")


def _action(blocks: list[JSON], action_id: str, value: str) -> JSON:
    """What a payload says about the element that was used."""
    for block in blocks:
        for element in elements(block):
            if element["action_id"] == action_id:
                known = {"block_id": block["block_id"], "action_id": action_id}
                return known | _used(element, value)
    plain = {"type": "button", "action_id": action_id, "block_id": "b1"}
    return plain | {"value": value}


def _used(element: JSON, value: Any) -> JSON:
    kind = element["type"]
    if kind == "button":
        kept = {key: element[key] for key in ("text", "value", "url") if key in element}
        return {"type": kind} | kept
    if kind == "feedback_buttons":
        buttons = (element["positive_button"], element["negative_button"])
        chosen = next((b for b in buttons if value in ("", b["value"])), None)
        if chosen is None:
            raise SlackError("no_such_option")
        return {"type": kind, "text": chosen["text"], "value": chosen["value"]}
    if kind == "icon_button":
        return {"type": kind, "value": element.get("value", "")}
    return {"type": kind} | _chosen(element, value)


def _chosen(element: JSON, value: Any) -> JSON:
    """A value as an input element gives it."""
    kind = element["type"]
    if kind in MANY_CHOICES:
        wanted = value if isinstance(value, list) else [value] if value else []
        return {"selected_options": [_option(element, each) for each in wanted]}
    if kind in CHOICES:
        return {"selected_option": _option(element, value) if value else None}
    for name in ("users", "channels", "conversations"):
        if kind == f"{name}_select":
            return {f"selected_{name[:-1]}": value or None}
        if kind == f"multi_{name}_select":
            return {f"selected_{name}": value or []}
    if kind in ("datepicker", "timepicker"):
        return {f"selected_{kind.removesuffix('picker')}": value or None}
    return {"value": value or None}


def _option(element: JSON, value: str) -> JSON:
    groups = element.get("option_groups") or []
    options = [o for group in groups for o in group["options"]]
    options += element.get("options") or []
    for option in options:
        if option["value"] == value:
            found: JSON = option
            return found
    if "external" in element["type"]:
        return {"text": {"type": "plain_text", "text": value}, "value": value}
    raise SlackError("no_such_option")


def _initial(element: JSON) -> Any:
    """What stands in an input before anybody touches it."""
    if "initial_option" in element:
        return element["initial_option"]["value"]
    if "initial_options" in element:
        return [option["value"] for option in element["initial_options"]]
    return next(
        (value for key, value in element.items() if key.startswith("initial_")), ""
    )


def _filled_in(view: JSON, values: JSON) -> JSON:
    """The state of a view; Slack's client lets nobody leave a required input empty."""
    state: JSON = {}
    unknown = set(values) - {e["action_id"] for e in elements(view["blocks"])}
    if unknown:
        raise SlackError(f"no_such_input: {min(unknown)}")
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = values.get(element["action_id"], _initial(element))
        if not value and not block.get("optional"):
            raise SlackError(f"missing_input: {element['action_id']}")
        filled = {"type": element["type"]} | _chosen(element, value)
        state[block["block_id"]] = {element["action_id"]: filled}
    return state
