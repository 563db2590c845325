"""What Slack refuses of Block Kit; most limits the SDK's own models know."""

import json
from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from .workspace import JSON, SlackError

SUM_LIMIT = 13_200
"""Beyond so many characters in all its blocks, a message is too long."""

MARKDOWN_LIMIT = 12_000
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
VIEW_BYTES = 250_000
TITLE_LIMIT = 24
METADATA_LIMIT = 3_000
ID_LIMIT = 255

IN_VIEWS = frozenset(
    {
        *("actions", "context", "divider", "header", "image", "input", "rich_text"),
        *("section", "video", "alert", "container"),
    }
)
IN_MESSAGES = frozenset(
    {
        *("actions", "context", "context_actions", "divider", "header", "image"),
        *("markdown", "rich_text", "section", "video", "file", "call", "alert"),
        *("table", "data_table", "data_visualization", "task_card", "plan"),
        *("card", "carousel", "container", "auth_provider", "input"),
    }
)
# The SDK has no model of these.
UNMODELLED = frozenset({"data_table", "data_visualization", "call", "file"})


def check_message(blocks: Any) -> list[JSON]:
    """The blocks of a message as Slack keeps them, each with an id."""
    found = _list(blocks)
    _check_all(found, MESSAGE_BLOCKS, IN_MESSAGES)
    if sum(block["type"] == "table" for block in found) > 1:
        raise _invalid("only one table is allowed", "/blocks")
    markdown = [block["text"] for block in found if block["type"] == "markdown"]
    if sum(map(len, markdown)) > MARKDOWN_LIMIT:
        raise _invalid("markdown text is too long", "/blocks")
    if sum(len(text) for text in texts(found)) > SUM_LIMIT:
        raise SlackError("msg_blocks_too_long")
    return [block | {"block_id": _id(block, n)} for n, block in enumerate(found)]


def check_view(view: Any) -> JSON:
    """A modal or a Home tab as Slack keeps it."""
    if not isinstance(view, dict) or view.get("type") not in {"modal", "home"}:
        raise SlackError("invalid_arguments")
    if len(json.dumps(view)) > VIEW_BYTES:
        raise SlackError("view_too_large")
    blocks = _list(view.get("blocks"))
    _check_all(blocks, VIEW_BLOCKS, IN_VIEWS)
    if view["type"] == "modal":
        _check_modal(view, blocks)
    if len(view.get("private_metadata") or "") > METADATA_LIMIT:
        raise _invalid("private_metadata is too long", "/view")
    if len(view.get("callback_id") or "") > ID_LIMIT:
        raise _invalid("callback_id is too long", "/view")
    kept = [block | {"block_id": _id(block, n)} for n, block in enumerate(blocks)]
    return view | {"blocks": kept}


def texts(value: Any) -> Iterator[str]:
    """All texts that a person sees in blocks, nested ones too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def elements(value: Any) -> Iterator[JSON]:
    """Everything in blocks that can be acted on."""
    if isinstance(value, dict):
        if "action_id" in value:
            yield value
        for inner in value.values():
            yield from elements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from elements(inner)


def _check_modal(view: JSON, blocks: list[JSON]) -> None:
    title = (view.get("title") or {}).get("text") or ""
    if not 0 < len(title) <= TITLE_LIMIT:
        raise _invalid("a title of 1 to 24 characters is required", "/view/title")
    for name in ("submit", "close"):
        if len((view.get(name) or {}).get("text") or "") > TITLE_LIMIT:
            raise _invalid("must be at most 24 characters", f"/view/{name}")
    if any(block["type"] == "input" for block in blocks) and not view.get("submit"):
        raise _invalid("submit is required with input blocks", "/view/submit")


def _list(blocks: Any) -> list[JSON]:
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        raise SlackError("invalid_blocks_format")
    return blocks


def _check_all(blocks: list[JSON], limit: int, known: frozenset[str]) -> None:
    if len(blocks) > limit:
        raise _invalid(f"no more than {limit} items allowed", "/blocks")
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        raise _invalid("block_id is used twice", "/blocks")
    for number, block in enumerate(blocks):
        _check(block, f"/blocks/{number}", known)


def _check(block: JSON, where: str, known: frozenset[str]) -> None:
    kind = block.get("type")
    if kind not in known:
        raise _invalid(f"unsupported type: {kind}", where)
    if kind == "data_table":
        _check_data_table(block, where)
    if kind == "container":
        _check_container(block, where, known)
    elif kind not in UNMODELLED:
        _check_by_model(block, where)
    ids = [element["action_id"] for element in elements(block)]
    if len(ids) != len(set(ids)):
        raise _invalid("action_id is used twice", where)
    if any(text == "" for text in _own_texts(block)):
        raise _invalid("must be more than 0 characters", where)


def _check_by_model(block: JSON, where: str) -> None:
    """The SDK writes down the limits of most blocks; it must know each key, too."""
    try:
        parsed = Block.parse(block)
        if parsed is None:
            raise _invalid("unsupported type", where)
        parsed.to_dict()
    except (SlackObjectFormationError, TypeError, AttributeError) as error:
        raise _invalid(str(error), where) from error
    strange = set(block) - parsed.attributes - {"type", "block_id"}
    if strange:
        raise _invalid(f"invalid additional property: {min(strange)}", where)


def _check_container(block: JSON, where: str, known: frozenset[str]) -> None:
    children = block.get("child_blocks")
    if not isinstance(children, list) or not 1 <= len(children) <= 10:
        raise _invalid("1 to 10 child blocks", f"{where}/child_blocks")
    if not (block.get("title") or block.get("rich_text_title")):
        raise _invalid("a title is required", where)
    for number, child in enumerate(children):
        inside = f"{where}/child_blocks/{number}"
        if child.get("type") == "container":
            raise _invalid("a container holds no container", inside)
        _check(child, inside, known)
    # The model of a container loses children that the SDK does not know.
    _check_by_model(block | {"child_blocks": [{"type": "divider"}]}, where)


def _check_data_table(block: JSON, where: str) -> None:
    rows, size = block.get("rows") or [], block.get("page_size", 1)
    if not block.get("caption"):
        raise _invalid("a caption is required", where)
    if not 2 <= len(rows) <= 101:
        raise _invalid("2 to 101 rows", f"{where}/rows")
    if len({len(row) for row in rows}) != 1 or len(rows[0]) > 20:
        raise _invalid("rows of the same length, up to 20 cells", f"{where}/rows")
    if not 1 <= size <= 100:
        raise _invalid("page_size is 1 to 100", where)


def _own_texts(block: JSON) -> list[str]:
    """The texts that must not be empty."""
    found = [block.get("text"), *(block.get("fields") or [])]
    texts = [text.get("text") if isinstance(text, dict) else text for text in found]
    return [text for text in texts if isinstance(text, str)]


def _id(block: JSON, number: int) -> str:
    return block.get("block_id") or f"b{number + 1}"


def _invalid(what: str, where: str) -> SlackError:
    message = f"[ERROR] {what} [json-pointer:{where}]"
    return SlackError("invalid_blocks", response_metadata={"messages": [message]})
