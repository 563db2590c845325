"""Many workspaces in one process: installing, tokens at rest, leaving."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from cryptography.fernet import Fernet
from servers.intake import Box
from servers.slack import SIGNING_SECRET, Interacting, SlackServer

from adapters.slack import create
from adapters.slack.adapter import SlackAdapter
from adapters.slack.oauth import ManyWorkspaces
from adapters.slack.settings import OAuthSettings, SlackSettings
from backends.base import End, Profile, Text
from backends.knowledge.library import Library
from bot.app import App
from bot.errors import ConfigurationError, DeliveryImpossible
from bot.model import Answer, ConversationId, Delivery, Said
from bot.profiles import Profiles
from bot.settings import Settings
from bot.state.sqlite import SqliteState
from bot.testing import ScriptedBackend

pytest_plugins = ("servers.slack.fixtures",)

# The SDK gives its client id to aiohttp in a way that is about to go.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth:DeprecationWarning")

Serving = Callable[[], AbstractAsyncContextManager[SlackAdapter]]


@pytest.fixture
def settings(slack: SlackServer, unused_tcp_port: int) -> SlackSettings:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    return SlackSettings(
        mode="http",
        signing_secret=SIGNING_SECRET,
        port=unused_tcp_port,
        api_url=slack.api_url,
        catch_up_minutes=0,
        oauth=OAuthSettings(
            client_id=slack.oauth.client_id,
            client_secret=slack.oauth.client_secret,
            redirect_url=f"{url}/slack/oauth_redirect",
            encryption_keys=[Fernet.generate_key().decode()],
        ),
    )


@pytest.fixture
def serving(
    slack: SlackServer, settings: SlackSettings, box: Box, tmp_path: Path
) -> Serving:
    """Opens an adapter for many workspaces, lets it listen, and ends it."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[SlackAdapter]:
        database = f"sqlite+aiosqlite:///{tmp_path / 'slack.db'}"
        adapter = SlackAdapter(settings, ManyWorkspaces(settings, database))
        await adapter.open()
        task = asyncio.create_task(adapter.listen(box))
        url = f"http://127.0.0.1:{settings.port}"
        slack.deliver_over_http(f"{url}/slack/events")
        try:
            while not await is_up(f"{url}/health/live"):
                await asyncio.sleep(0.02)
            yield adapter
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await adapter.aclose()

    return serve


async def is_up(url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(url) as reply:
            return reply.status == 200
    return False


async def install(slack: SlackServer, settings: SlackSettings, team: str) -> str:
    """What a person's browser does; the last page."""
    slack.oauth.installing = team
    start = f"http://127.0.0.1:{settings.port}/slack/install"
    async with aiohttp.ClientSession() as session:
        async with session.get(start) as reply:
            page = await reply.text()
            # The cookie is for https alone, which we are without here.
            cookie = reply.headers["Set-Cookie"].partition(";")[0]
        (link,) = re.findall(rf'href="({slack.url}[^"]+)"', page)
        link = link.replace("&amp;", "&")
        async with session.get(link, allow_redirects=False) as reply:
            back = reply.headers["Location"]
        async with session.get(back, headers={"Cookie": cookie}) as reply:
            return f"{reply.status} {await reply.text()}"


def ask(team: Interacting, text: str) -> str:
    """Somebody of the workspace asks in private; the message."""
    name = f"person of {team.workspace.team_id}"
    person = next(
        (u.id for u in team.workspace.users.values() if u.name == name), None
    ) or team.add_user(name, admin=True)
    return team.say(person, team.open_im(person), text)


async def post(adapter: SlackAdapter, place: ConversationId, text: str) -> str:
    part = adapter.render(Answer(text, complete=True))[0]
    return await adapter.post(Delivery("a1", place, (), place.thread), 0, part)


async def test_workspaces_install_the_app_and_are_answered_each_by_its_token(
    slack: SlackServer, settings: SlackSettings, serving: Serving, box: Box
) -> None:
    other = slack.add_team()

    async with serving() as adapter:
        pages = [await install(slack, settings, team) for team in slack.teams]
        for team in slack.teams.values():
            ask(team, f"hello from {team.workspace.team_id}")
        await slack.settled()
        for event in list(box.events.values()):
            await post(adapter, event.conversation, "42")
        links = [adapter.link(each.conversation, "1.2") for each in box.of(Said)]
        health = await adapter.health()

    assert all(page.startswith("200") for page in pages)
    assert sorted(box.texts()) == ["hello from T00000001", "hello from T00000002"]
    assert all(event.message.author.is_admin for event in box.of(Said))
    assert [message["text"] for message in slack.bot_messages()] == ["42"]
    assert len([link for link in links if "/archives/D" in link]) == 2
    assert [message["text"] for message in other.bot_messages()] == ["42"]
    assert health.ok, health.problems


async def test_a_workspace_is_asked_once_who_we_are(
    slack: SlackServer, settings: SlackSettings, serving: Serving, box: Box
) -> None:
    async with serving():
        await install(slack, settings, "T00000001")
        before = len(slack.calls)
        for number in range(5):
            ask(slack, str(number))
            await slack.settled()

    methods = [call.method for call in slack.calls[before:]]
    assert len(box.texts()) == 5
    assert methods.count("auth.test") <= 1
    assert methods.count("users.info") == 1


async def test_tokens_are_encrypted_at_rest_and_survive_a_restart(
    slack: SlackServer,
    settings: SlackSettings,
    serving: Serving,
    box: Box,
    tmp_path: Path,
) -> None:
    async with serving():
        await install(slack, settings, "T00000001")
    (issued,) = (token for token in slack.tokens if "T00000001" in token)
    kept = (tmp_path / "slack.db").read_bytes()
    old, new = settings.oauth.encryption_keys[0], Fernet.generate_key().decode()
    settings.oauth = settings.oauth.model_copy(
        update={
            "encryption_keys": [
                *OAuthSettings(encryption_keys=[new]).encryption_keys,
                old,
            ]
        }
    )

    async with serving() as adapter:
        ask(slack, "hello")
        await slack.settled()
        await post(adapter, box.of(Said)[0].conversation, "42")

    assert issued.encode() not in kept
    assert [message["text"] for message in slack.bot_messages()] == ["42"]


async def test_a_lost_key_is_named_at_the_start(
    slack: SlackServer, settings: SlackSettings, serving: Serving, tmp_path: Path
) -> None:
    async with serving():
        await install(slack, settings, "T00000001")
    keys = OAuthSettings(encryption_keys=[Fernet.generate_key().decode()])
    settings.oauth.encryption_keys = keys.encryption_keys
    database = f"sqlite+aiosqlite:///{tmp_path / 'slack.db'}"
    adapter = SlackAdapter(settings, ManyWorkspaces(settings, database))

    with pytest.raises(ConfigurationError, match="encryption_keys"):
        await adapter.open()

    await adapter.aclose()


@pytest.mark.parametrize("how", ["uninstalled", "revoked"])
async def test_a_workspace_that_leaves_is_forgotten(
    slack: SlackServer,
    settings: SlackSettings,
    serving: Serving,
    box: Box,
    tmp_path: Path,
    how: str,
) -> None:
    other = slack.add_team()
    async with serving() as adapter:
        for team in slack.teams:
            await install(slack, settings, team)
        if how == "uninstalled":
            slack.uninstall("T00000002")
        else:
            bot = other.workspace.bot.id
            other.emit({"type": "tokens_revoked", "tokens": {"bot": [bot]}})
        await slack.settled()
        with pytest.raises(DeliveryImpossible, match="/slack/install"):
            await post(adapter, ConversationId("slack", "T00000002", "D1"), "42")
        ask(other, "still there?")
        ask(slack, "and you?")
        await slack.settled()

    with sqlite3.connect(tmp_path / "slack.db") as database:
        tables = ("slack_bots", "slack_installations")
        left = [
            row[0]
            for table in tables
            for row in database.execute(f"SELECT team_id FROM {table}")
        ]
    database.close()
    assert set(box.forgotten) == {"slack:T00000002"}
    assert set(left) == {"T00000001"}
    assert box.texts() == ["and you?"]


async def test_nothing_is_kept_of_a_workspace_that_has_left(
    slack: SlackServer,
    settings: SlackSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    other = slack.add_team()
    database = f"sqlite+aiosqlite:///{tmp_path / 'slack.db'}"
    adapter = SlackAdapter(settings, ManyWorkspaces(settings, database))
    await adapter.open()
    async with house(adapter, tmp_path) as app:
        url = f"http://127.0.0.1:{settings.port}"
        while not await is_up(f"{url}/health/live"):
            await asyncio.sleep(0.02)
        slack.deliver_over_http(f"{url}/slack/events")
        for team in slack.teams:
            await install(slack, settings, team)
        for team in slack.teams.values():
            ask(team, "hello")
            await slack.wait_for(team.bot_messages)
        await slack.settled()
        before = await kept(app)
        slack.uninstall("T00000002")
        await slack.settled()
        after = await kept(app)
    await adapter.aclose()

    assert "T00000002" in before
    assert "T00000002" not in after
    assert after == before - {"T00000002"}
    assert len(other.bot_messages()) == 1


@asynccontextmanager
async def house(adapter: SlackAdapter, folder: Path) -> AsyncIterator[App]:
    """A whole bot over that adapter."""
    state = SqliteState(folder / "state.db")
    await state.open()
    backend = ScriptedBackend(lambda turn: [Text("42"), End()])
    profiles = Profiles({"p": Profile("p", "scripted")}, lambda _: backend, "p")
    parts: dict[str, Any] = {"slack": adapter}
    ours = Settings(data_dir=folder)
    app = App.compose(ours, state, Library(folder), profiles, parts)
    stopping = asyncio.Event()
    running = asyncio.create_task(app.run(stopping))
    try:
        yield app
    finally:
        stopping.set()
        await running
        await state.aclose()


async def kept(app: App) -> set[str]:
    """The workspaces of which there are answers."""
    records = await app.state.records.newest("answer")
    return {record.workspace.partition(":")[2] for record in records}


async def test_tokens_of_people_being_revoked_changes_nothing(
    slack: SlackServer, settings: SlackSettings, serving: Serving, box: Box
) -> None:
    async with serving():
        await install(slack, settings, "T00000001")
        slack.emit({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}})
        ask(slack, "hello")
        await slack.settled()

    assert box.forgotten == []
    assert box.texts() == ["hello"]


async def test_an_organisation_installs_it_for_all_its_workspaces(
    slack: SlackServer, settings: SlackSettings, serving: Serving, box: Box
) -> None:
    teams = [slack.add_team(enterprise="E1"), slack.add_team(enterprise="E1")]
    slack.oauth.org_wide = True

    async with serving() as adapter:
        page = await install(slack, settings, teams[0].workspace.team_id)
        # The token of an organisation is good in each of its workspaces.
        (token,) = (t for t, of in slack.tokens.items() if of is teams[0])
        ask(teams[0], "first")
        await slack.settled()
        slack.tokens[token] = teams[1]
        ask(teams[1], "second")
        await slack.settled()
    async with serving() as adapter:
        # A process that has seen no event yet can answer, too.
        (second,) = (e for e in box.of(Said) if e.message.text == "second")
        await post(adapter, second.conversation, "42")
        slack.uninstall(teams[1].workspace.team_id)
        await slack.settled()
        for team in teams:
            place = ConversationId("slack", team.workspace.team_id, "D1")
            with pytest.raises(DeliveryImpossible):
                await post(adapter, place, "42")

    assert set(box.forgotten) == {"slack:T00000002", "slack:T00000003"}
    assert page.startswith("200")
    assert sorted(box.texts()) == ["first", "second"]
    assert [message["text"] for message in teams[1].bot_messages()] == ["42"]


async def test_who_says_no_or_comes_from_elsewhere_installs_nothing(
    slack: SlackServer, settings: SlackSettings, serving: Serving
) -> None:
    async with serving():
        slack.oauth.refuses = True
        refused = await install(slack, settings, "T00000001")
        forged = f"http://127.0.0.1:{settings.port}/slack/oauth_redirect?code=c&state=s"
        async with aiohttp.ClientSession() as session, session.get(forged) as reply:
            status = reply.status

    assert "access_denied" in refused
    assert status == 400
    assert not [call for call in slack.calls if call.method == "oauth.v2.access"]


async def test_stray_variables_of_bolt_change_nothing(
    slack: SlackServer,
    settings: SlackSettings,
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SCOPES", "REDIRECT_URI"):
        monkeypatch.setenv(f"SLACK_{name}", "stray")

    async with serving():
        page = await install(slack, settings, "T00000001")

    assert page.startswith("200")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OAUTH_CLIENT_ID": "1.2"}, "'slack.mode' to be 'http'"),
        ({"OAUTH_CLIENT_ID": "1.2", "BOT_TOKEN": "xoxb-1"}, "are both there"),
        ({"OAUTH_CLIENT_ID": "1.2", "MODE": "http"}, "SLACK_OAUTH_CLIENT_SECRET"),
        (
            {
                "OAUTH_CLIENT_ID": "1.2",
                "OAUTH_CLIENT_SECRET": "s",
                "OAUTH_REDIRECT_URL": "https://bot.example/slack/oauth_redirect",
                "OAUTH_ENCRYPTION_KEYS": "short",
                "MODE": "http",
            },
            "Fernet",
        ),
    ],
    ids=["sockets", "a token as well", "no secret", "no good key"],
)
def test_settings_that_do_not_go_together_name_the_fix(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"CURBSIDE_SLACK_{name}", value)

    with pytest.raises(ConfigurationError, match=said):
        create(Settings())


def test_the_callback_is_at_the_path_that_the_settings_describe() -> None:
    from adapters.slack.oauth import REDIRECT

    described = OAuthSettings.model_fields["redirect_url"].description or ""
    assert urlsplit(described.rpartition(" ")[2].rstrip(".")).path == REDIRECT
