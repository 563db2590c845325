"""Whether Slack takes our tokens, and what is missing."""

import asyncio

from adapters.slack.settings import SCOPES, SlackSettings
from adapters.slack.web import SlackWeb
from adapters.slack.workspaces import Workspaces
from bot.adapter import AdapterHealth
from bot.errors import DeliveryError

SECONDS = 5.0


async def check(workspaces: Workspaces, settings: SlackSettings) -> AdapterHealth:
    """Try the tokens of all workspaces, and what events come by."""
    problems: list[str] = []
    names: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            for web in await workspaces.all():
                me = await web.identify(again=True)
                names.append(f"{me.name} in {me.team or me.team_id}")
                problems += _missing_scopes(web)
            problems += await _deaf(workspaces, settings)
    except TimeoutError:
        problems.append(f"Slack did not answer in {SECONDS:.0f} seconds")
    except DeliveryError as error:
        problems.append(str(error))
    detail = ", ".join(names) or ("" if problems else "not installed anywhere yet")
    return AdapterHealth(not problems, detail, tuple(problems))


async def _deaf(workspaces: Workspaces, settings: SlackSettings) -> list[str]:
    """Why nothing would be heard."""
    if settings.mode == "http":
        if settings.signing_secret is None:
            return ["CURBSIDE_SLACK_SIGNING_SECRET is not set: nothing can be heard"]
        return []
    if settings.app_token is None:
        return ["CURBSIDE_SLACK_APP_TOKEN is not set: nothing can be heard"]
    web = await workspaces.web("")
    await web.check_socket(settings.app_token.get_secret_value())
    return []


def _missing_scopes(web: SlackWeb) -> list[str]:
    missing = ", ".join(sorted(SCOPES - web.scopes))
    if not missing:
        return []
    return [
        f"the bot token lacks the scopes {missing}; add them under OAuth & "
        "Permissions, then install the app again"
    ]
