"""What the buttons of a panel do: switch, undo, reset, forget."""

from dataclasses import dataclass, replace

from bot import answers
from bot.admin import Admin
from bot.errors import NotAllowed
from bot.model import Action, Choice, ConversationId, Form, FormField, Pressed
from bot.panels import Panels
from bot.router import DEFAULT_SCOPE, scope_of
from bot.state.entry import workspace_tag
from bot.switching import Wish, concerns, route_words
from bot.wire import from_data
from bot.words import say

ACTIONS = frozenset({Action.SWITCH, Action.UNDO, Action.RESET, Action.FORGET})

LOOKED_AT = 200
"""The channels of so many of the last answers are offered for a switch."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Carries out what is pressed in a panel."""

    admin: Admin
    panels: Panels

    async def press(self, pressed: Pressed) -> Form | str:
        """The form to open, or what to tell the person."""
        place, author = pressed.conversation, pressed.author
        wish = Wish(f"{place}:{pressed.action}:{pressed.id}", author, place)
        try:
            match pressed.action:
                case Action.SWITCH:
                    return await self._switch(pressed, wish)
                case Action.UNDO:
                    return await self._undo(pressed, wish)
                case Action.RESET:
                    return await self.admin.reset(place)
        except NotAllowed as error:
            return str(error)
        if pressed.fields is None:
            return _confirmation(Action.FORGET, say("forget_confirm"))
        return await self.admin.forget(place, author)

    async def _switch(self, pressed: Pressed, wish: Wish) -> Form | str:
        switching = self.admin.switching
        switching.require_admin(wish)
        if pressed.fields is None:
            return await self._switch_form(pressed.value, wish)
        fields = pressed.fields
        scope = pressed.value or fields.get("place", "")
        share = fields.get("share", "").strip().removesuffix("%").strip() or "100"
        if not share.isdecimal():
            return say("share_range")
        if not scope or not concerns(scope, wish.place):
            return say("no_such_place")
        return await switching.use(wish, fields.get("profile", ""), scope, int(share))

    async def _switch_form(self, scope: str, wish: Wish) -> Form:
        profiles = self.admin.profiles
        names = profiles.names()
        route = (await self.admin.switching.routes(wish.place)).get(scope)
        now = route.profile if route else None
        profile = FormField(
            "profile",
            say("switch_profile"),
            initial=now if now in names else profiles.default,
            choices=tuple(Choice(name, name) for name in names),
        )
        places = [scope] if scope else await self._places(wish)
        place = FormField(
            "place",
            say("switch_place"),
            initial=places[0],
            choices=tuple(
                Choice(each, self.panels.place_name(each)) for each in places
            ),
        )
        share = FormField(
            "share",
            say("switch_share"),
            initial="100",
            hint=say("switch_share_hint"),
            required=False,
        )
        return Form(
            action=Action.SWITCH,
            title=say("switch_title"),
            submit=say("button_switch"),
            fields=(profile, place, share),
            value=scope,
        )

    async def _places(self, wish: Wish) -> list[str]:
        """The scopes that can be switched from here, the nearest first."""
        place = wish.place
        found = [scope_of(place, "channel")] if place.channel else []
        found.append(scope_of(place, "workspace"))
        found += await self.admin.switching.routes(place)
        records = await self.admin.state.records.newest(
            answers.KIND,
            workspace=workspace_tag(place.platform, place.workspace),
            limit=LOOKED_AT,
        )
        found += [_channel(record.data["conversation"]) for record in records]
        if self.admin.switching.is_operator(wish):
            found.append(DEFAULT_SCOPE)
        else:
            found = [scope for scope in found if scope != DEFAULT_SCOPE]
        return list(dict.fromkeys(found))

    async def _undo(self, pressed: Pressed, wish: Wish) -> Form | str:
        switching = self.admin.switching
        last = await switching.last(wish)
        if last is None:
            return say("nothing_to_undo")
        if pressed.fields is None:
            words = say(
                "undo_confirm",
                place=self.panels.place_name(last.scope),
                name=last.by_name or last.by,
                before=route_words(last.after),
                after=route_words(last.before),
            )
            return _confirmation(Action.UNDO, words, last.id)
        if last.id != pressed.value:
            return say("undo_changed")
        return await switching.undo(wish, [last.scope])


def _confirmation(action: Action, text: str, value: str = "") -> Form:
    title = say(f"button_{action}")
    return Form(action, title, submit=title, text=text, value=value)


def _channel(conversation: dict[str, str]) -> str:
    place = from_data(ConversationId, conversation)
    return str(replace(place, thread=""))
