"""The local Slack over HTTP: signed deliveries, OAuth, other workspaces, limits."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web as http
from servers.slack import BOT_TOKEN, SIGNING_SECRET, SlackServer
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]


class Listener:
    """An app that takes what is posted, and answers with `statuses` in turn."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], str]] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}

    async def take(self, request: http.Request) -> http.Response:
        body = await request.text()
        self.requests.append(({k.lower(): v for k, v in request.headers.items()}, body))
        status = self.statuses.pop(0) if self.statuses else 200
        return http.Response(status=status, headers=self.headers)


@pytest.fixture
async def listener(slack: SlackServer) -> AsyncIterator[Listener]:
    listener, app = Listener(), http.Application()
    app.router.add_post("/slack/events", listener.take)
    runner = http.AppRunner(app)
    await runner.setup()
    site = http.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.deliver_over_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    yield listener
    await runner.cleanup()


def verifies(headers: dict[str, str], body: str) -> bool:
    return SignatureVerifier(SIGNING_SECRET).is_valid_request(body, headers)


async def test_deliveries_are_signed(
    slack: SlackServer, listener: Listener, ada: str, general: str
) -> None:
    slack.say(ada, general, "hello")
    await slack.settled()
    slack.slash(ada, general, "/curbside", "status")
    await slack.settled()

    (event, body), (command, fields) = listener.requests
    assert verifies(event, body)
    assert verifies(command, fields)
    assert not verifies(event, body + " ")
    assert parse_qs(fields)["text"] == ["status"]


async def test_what_is_not_taken_comes_again(
    slack: SlackServer, listener: Listener, ada: str, general: str
) -> None:
    listener.statuses = [503, 302, 200]

    slack.say(ada, general, "hello")
    await slack.settled()

    retries = [headers.get("x-slack-retry-num") for headers, _ in listener.requests]
    assert retries == [None, "1", "2"]
    assert listener.requests[1][0]["x-slack-retry-reason"] == "http_error"
    assert len({body for _, body in listener.requests}) == 1


async def test_an_app_may_refuse_retries(
    slack: SlackServer, listener: Listener, ada: str, general: str
) -> None:
    listener.statuses, listener.headers = [400], {"x-slack-no-retry": "1"}

    slack.say(ada, general, "hello")
    await slack.settled()

    assert len(listener.requests) == 1
    assert len(slack.sockets.lost) == 1


async def install(slack: SlackServer, scope: str = "chat:write") -> str:
    """Walk through the pages as a person's browser does; the code."""
    query = {"client_id": slack.oauth.client_id, "scope": scope, "state": "s"}
    query["redirect_uri"] = "http://127.0.0.1:1/back"
    url = f"{slack.url}/oauth/v2/authorize"
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, params=query, allow_redirects=False) as reply,
    ):
        back = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert back["state"] == ["s"]
    return back["code"][0]


# The SDK gives its client id to aiohttp in a way that is about to go.
@pytest.mark.filterwarnings("ignore:BasicAuth:DeprecationWarning")
async def test_another_workspace_installs_and_removes_the_app(
    slack: SlackServer, web: AsyncWebClient, general: str
) -> None:
    other = slack.add_team()
    slack.oauth.installing = other.workspace.team_id
    secrets = (slack.oauth.client_id, slack.oauth.client_secret)
    given: JSON = dict(zip(("client_id", "client_secret"), secrets, strict=True))

    code = await install(slack)
    answer = await web.oauth_v2_access(**given, code=code)
    theirs = AsyncWebClient(answer["access_token"], base_url=slack.api_url)
    me = await theirs.auth_test()
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await theirs.chat_postMessage(channel=general, text="not here")
    with pytest.raises(SlackApiError, match="invalid_code"):
        await web.oauth_v2_access(**given, code=code)
    slack.uninstall(other.workspace.team_id)

    assert me["team_id"] == answer["team"]["id"] == other.workspace.team_id
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await theirs.auth_test()
    assert (await web.auth_test())["team_id"] == "T00000001"


async def test_tiers_are_each_workspaces_own(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    slack.limits.tiers, slack.limits.minute = True, 30
    other = slack.add_team()
    slack.tokens["xoxb-other"] = other
    theirs = AsyncWebClient("xoxb-other", base_url=slack.api_url)
    for _ in range(20):
        await web.users_conversations()

    with pytest.raises(SlackApiError) as caught:
        await web.users_conversations()

    pause = int(caught.value.response.headers["Retry-After"])
    assert 28 <= pause <= 31
    assert (await theirs.users_conversations())["channels"] == []
    assert (await web.auth_test())["ok"]


async def test_a_distributed_app_gets_little_history(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    slack.limits.limited_history = True
    for number in range(20):
        slack.say(ada, general, str(number))

    page = await web.conversations_history(channel=general, limit=999)

    assert len(page["messages"]) == 15
    with pytest.raises(SlackApiError, match="ratelimited"):
        await web.conversations_history(channel=general)


async def test_a_revoked_token_is_worth_nothing(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    await web.auth_revoke()

    with pytest.raises(SlackApiError, match="invalid_auth"):
        await web.auth_test()
    assert BOT_TOKEN not in slack.tokens
