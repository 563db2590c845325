"""Slack's errors turned into ours, each with what mends it."""

from slack_sdk.errors import SlackApiError

from bot.errors import (
    DeliveryError,
    DeliveryImpossible,
    DeliveryLater,
    MessageGone,
)

LATER_SECONDS = 2.0

TOKEN_ERRORS = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
BROKEN = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
)
"""Trouble on Slack's side, after which part of the call may have been done."""

FIXES = {
    "cannot_reply_to_message": "that kind of message takes no replies",
    "channel_not_found": (
        "the channel is gone, or private and without the app; invite it with /invite"
    ),
    "is_archived": "the channel is archived; a member must unarchive it",
    "missing_scope": (
        "the app lacks a scope ({needed}); add it under OAuth & Permissions, then "
        "install the app again"
    ),
    "not_in_channel": "the app is not in the channel; invite it with /invite",
    "restricted_action": "a workspace admin has restricted who may post there",
    "thread_not_found": "the message to reply to was deleted",
}
TOKEN_FIX = (
    "Slack does not accept the token; copy it anew from api.slack.com/apps and set it "
    "as CURBSIDE_SLACK_BOT_TOKEN (xoxb-) or CURBSIDE_SLACK_APP_TOKEN (xapp-)"
)


class SlackRefused(DeliveryImpossible):
    """Slack answered with an error that trying again does not mend."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def refusal(
    method: str, error: SlackApiError, unclear: type[DeliveryError]
) -> DeliveryError:
    """What an error reply of Slack means for us."""
    response = error.response
    # What was no JSON comes as aiohttp's response, which names its status otherwise.
    status = int(getattr(response, "status_code", None) or response.status)
    answer = getattr(response, "data", None)
    data: dict[str, str] = answer if isinstance(answer, dict) else {}
    code = data.get("error")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        pause = str(response.headers.get("Retry-After", ""))
        seconds = float(pause) if pause.isdigit() else LATER_SECONDS
        return DeliveryLater(f"Slack limits {method}", seconds)
    if code is None or status >= 500 or code in BROKEN:
        return unclear(f"Slack is in trouble: {method}: {code or f'HTTP {status}'}")
    if code == "message_not_found":
        return MessageGone(f"the message of {method} is not there any more")
    fix = TOKEN_FIX if code in TOKEN_ERRORS else FIXES.get(code, "")
    fix = fix.format(needed=data.get("needed") or "see Slack's reply")
    refused = f"Slack refused {method} with {code!r}"
    return SlackRefused(f"{refused}: {fix}" if fix else refused, code)
