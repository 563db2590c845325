"""What Discord takes as the body of a message."""

from .components import check_message
from .errors import ApiError, form_error
from .model import COMPONENTS_V2, Payload

MESSAGE_LENGTH = 2000
MOST_EMBEDS = 10


def check_content(
    body: Payload, *, v2: bool | None = None, empty_allowed: bool = False
) -> None:
    """Refuse a body that Discord would refuse."""
    content = body.get("content") or ""
    if v2 is None:
        v2 = bool((body.get("flags") or 0) & COMPONENTS_V2)
    check_message(body, v2=v2)
    if len(content) > MESSAGE_LENGTH:
        problem = f"Must be {MESSAGE_LENGTH} or fewer in length."
        raise form_error("content", "BASE_TYPE_MAX_LENGTH", problem)
    if len(body.get("embeds") or []) > MOST_EMBEDS:
        problem = f"Must be {MOST_EMBEDS} or fewer in length."
        raise form_error("embeds", "BASE_TYPE_MAX_LENGTH", problem)
    other = any(body.get(name) for name in ("embeds", "components", "attachments"))
    forward = (body.get("message_reference") or {}).get("type") == 1
    if not (content.strip() or other or forward or empty_allowed):
        raise ApiError(50006)
