"""What Discord takes as components of a message, old kind and new, and of a form."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .errors import form_error, wrong_length
from .model import Payload

ROW, BUTTON, CHOICE, INPUT = 1, 2, 3, 4
CHOICES = {CHOICE, 5, 6, 7, 8}
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = (
    9,
    10,
    11,
    12,
    13,
    14,
    17,
)
LABEL, UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 18, 19, 21, 22, 23

LINK, PREMIUM = 5, 6

TOP = {ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER}
INSIDE = {
    ROW: {BUTTON, *CHOICES},
    SECTION: {TEXT},
    CONTAINER: TOP - {CONTAINER},
    LABEL: {INPUT, *CHOICES, UPLOAD, RADIO, CHECKBOXES, CHECKBOX},
}
MOST_ROWS, MOST_COMPONENTS, MOST_TEXT = 5, 40, 4000
MOST_IN_FORM = 5


@dataclass
class Check:
    """Goes through components; what it has seen so far counts for the rest."""

    ids: set[str] = field(default_factory=set)
    count: int = 0
    text: int = 0

    def old(self, rows: list[Payload]) -> None:
        """Components beneath the content of a message: rows and nothing else."""
        if len(rows) > MOST_ROWS:
            raise wrong_length("components", 0, MOST_ROWS)
        for n, row in enumerate(rows):
            self._of_kind(row, {ROW}, f"components.{n}")
            self._one(row, f"components.{n}")

    def new(self, parts: list[Payload]) -> None:
        """A message that is made of components alone."""
        if not parts:
            raise wrong_length("components", 1, MOST_COMPONENTS)
        for n, part in enumerate(parts):
            self._of_kind(part, TOP, f"components.{n}")
            self._one(part, f"components.{n}")
        if self.count > MOST_COMPONENTS:
            problem = f"The maximum number of components is {MOST_COMPONENTS}"
            raise form_error("components", "COMPONENT_MAX_TOTAL_COMPONENTS", problem)
        if self.text > MOST_TEXT:
            problem = f"The displayed text may have {MOST_TEXT} characters in total"
            raise form_error(
                "components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", problem
            )

    def form(self, parts: list[Payload]) -> None:
        """The components of a modal."""
        if not 1 <= len(parts) <= MOST_IN_FORM:
            raise wrong_length("components", 1, MOST_IN_FORM)
        for n, part in enumerate(parts):
            path = f"components.{n}"
            self._of_kind(part, {ROW, TEXT, LABEL}, path)
            if part["type"] == ROW:
                # The old way: a row with one input that brings its own label.
                (asked,) = part["components"]
                self._of_kind(asked, {INPUT}, path)
                long_enough(asked, "label", 1, 45, path)
                self._one(asked, path)
            elif part["type"] == LABEL:
                self._label(part, path)
            else:
                self._one(part, path)

    def _label(self, part: Payload, path: str) -> None:
        long_enough(part, "label", 1, 45, path)
        long_enough(part, "description", 0, 100, path)
        inner = part.get("component") or {}
        self._of_kind(inner, INSIDE[LABEL], path)
        self._one(inner, f"{path}.component")

    def _of_kind(self, part: Payload, allowed: set[int], path: str) -> None:
        if part.get("type") not in allowed:
            kinds = ", ".join(str(kind) for kind in sorted(allowed))
            problem = f"Value of field 'type' must be one of ({kinds})."
            raise form_error(f"{path}.type", "BASE_TYPE_CHOICES", problem)

    def _one(self, part: Payload, path: str) -> None:
        self.count += 1
        kind = part["type"]
        if kind == BUTTON:
            self._button(part, path)
        elif kind in CHOICES:
            self._choice(part, path)
        elif kind == INPUT:
            self._input(part, path)
        elif kind in (RADIO, CHECKBOXES):
            self._custom_id(part, path)
            check_options(part, path, 2 if kind == RADIO else 1, 10)
        elif kind in (UPLOAD, CHECKBOX):
            self._custom_id(part, path)
        elif kind == TEXT:
            long_enough(part, "content", 1, MOST_TEXT, path)
            self.text += len(part["content"])
        elif kind == GALLERY and not 1 <= len(part.get("items") or []) <= 10:
            raise wrong_length(f"{path}.items", 1, 10)
        else:
            self._nest(part, path)

    def _nest(self, part: Payload, path: str) -> None:
        inner = part.get("components") or []
        kind = part["type"]
        if kind == ROW:
            check_row(inner, path)
        if kind == SECTION:
            if not 1 <= len(inner) <= 3:
                raise wrong_length(f"{path}.components", 1, 3)
            accessory = part.get("accessory") or {}
            self._of_kind(accessory, {BUTTON, THUMBNAIL}, f"{path}.accessory")
            self._one(accessory, f"{path}.accessory")
        for n, child in enumerate(inner):
            self._of_kind(child, INSIDE[kind], f"{path}.components.{n}")
            self._one(child, f"{path}.components.{n}")

    def _button(self, part: Payload, path: str) -> None:
        style = part.get("style")
        if style not in range(1, 7):
            raise form_error(f"{path}.style", "BASE_TYPE_CHOICES", "Not a style.")
        long_enough(part, "label", 0, 80, path)
        if style == LINK:
            if not part.get("url") or part.get("custom_id"):
                problem = "A link button has a URL and no custom id."
                raise form_error(f"{path}.url", "BUTTON_COMPONENT_URL", problem)
            return
        if style == PREMIUM:
            return
        if not (part.get("label") or part.get("emoji")):
            problem = "A button must have a label or an emoji."
            raise form_error(path, "BUTTON_COMPONENT_INVALID", problem)
        self._custom_id(part, path)

    def _choice(self, part: Payload, path: str) -> None:
        self._custom_id(part, path)
        long_enough(part, "placeholder", 0, 150, path)
        if part["type"] == CHOICE:
            check_options(part, path, 1, 25)

    def _input(self, part: Payload, path: str) -> None:
        self._custom_id(part, path)
        if part.get("style") not in (1, 2):
            raise form_error(f"{path}.style", "BASE_TYPE_CHOICES", "Not a style.")
        long_enough(part, "placeholder", 0, 100, path)
        long_enough(part, "value", 0, 4000, path)
        least, most = part.get("min_length") or 0, part.get("max_length") or 4000
        if not 0 <= least <= most <= 4000:
            problem = "min_length and max_length must lie between 0 and 4000."
            raise form_error(f"{path}.max_length", "NUMBER_TYPE_MAX", problem)

    def _custom_id(self, part: Payload, path: str) -> None:
        long_enough(part, "custom_id", 1, 100, path)
        if part["custom_id"] in self.ids:
            problem = "Component custom id cannot be duplicated"
            raise form_error(
                f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", problem
            )
        self.ids.add(part["custom_id"])


def check_row(inner: list[Payload], path: str) -> None:
    choices = any(part.get("type") in CHOICES for part in inner)
    if not 1 <= len(inner) <= (1 if choices else 5):
        problem = "A row holds up to five buttons, or one choice."
        raise form_error(f"{path}.components", "COMPONENT_LAYOUT_WIDTH", problem)


def check_options(part: Payload, path: str, least: int, most: int) -> None:
    options = part.get("options") or []
    if not least <= len(options) <= most:
        raise wrong_length(f"{path}.options", least, most)
    values = [option.get("value") for option in options]
    if len(set(values)) < len(values):
        problem = "The specified option value is already used"
        raise form_error(
            f"{path}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", problem
        )
    for n, option in enumerate(options):
        for name, shortest in (("label", 1), ("value", 1), ("description", 0)):
            long_enough(option, name, shortest, 100, f"{path}.options.{n}")


def long_enough(part: Payload, name: str, least: int, most: int, path: str) -> None:
    if not least <= len(part.get(name) or "") <= most:
        raise wrong_length(f"{path}.{name}", least, most)


def check_message(body: Payload, *, v2: bool) -> None:
    """Refuse the components of a message that Discord would refuse."""
    components = body.get("components")
    if not v2:
        Check().old(components or [])
        return
    for name in ("content", "embeds", "poll", "sticker_ids"):
        if body.get(name):
            problem = f"The '{name}' field cannot be used with components V2."
            code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
            raise form_error(name, code, problem)
    if components is not None:
        Check().new(components)


def check_form(data: Payload) -> None:
    """Refuse a modal that Discord would refuse."""
    for name, most in (("title", 45), ("custom_id", 100)):
        if not 1 <= len(data.get(name) or "") <= most:
            raise wrong_length(f"data.{name}", 1, most)
    Check().form(data.get("components") or [])


def every(components: list[Payload]) -> Iterator[Payload]:
    """All components, however deep they lie, in the order in which they are shown."""
    for part in components:
        yield part
        yield from every(part.get("components") or [])
        for name in ("accessory", "component"):
            if part.get(name):
                yield from every([part[name]])


def shown_text(content: str, components: list[Payload]) -> str:
    """All words that a message shows as text."""
    texts = [part["content"] for part in every(components) if part["type"] == TEXT]
    return "\n".join(filter(None, [content, *texts]))


def numbered(components: list[Payload]) -> list[Payload]:
    """The components with the ids that Discord gives to those that have none."""
    known = {part["id"] for part in every(components) if part.get("id")}
    free = (n for n in range(1, 1000) if n not in known)

    def number(part: Any) -> Any:
        if isinstance(part, list):
            return [number(inner) for inner in part]
        part = dict(part)
        part["id"] = part.get("id") or next(free)
        for name in ("components", "accessory", "component"):
            if part.get(name):
                part[name] = number(part[name])
        return part

    return [number(part) for part in components]
