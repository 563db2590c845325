"""The local Slack's Socket Mode against the real Bolt: what our tests stand on."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from servers.slack import APP_TOKEN, SlackServer
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]

TITLE = {"type": "plain_text", "text": "Why?"}
WHY: JSON = {"type": "modal", "title": TITLE, "blocks": []}


@asynccontextmanager
async def running(slack: SlackServer, app: AsyncApp) -> AsyncIterator[None]:
    """The app, connected over Socket Mode."""
    before = slack.sockets.opened
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.1)
    await handler.client.connect()  # type: ignore[no-untyped-call]
    await slack.wait_for(lambda: slack.sockets.opened > before)
    try:
        yield
    finally:
        await handler.client.close()  # type: ignore[no-untyped-call]


def new_app(web: AsyncWebClient) -> AsyncApp:
    app = AsyncApp(client=web, signing_secret="")

    @app.event(re.compile(".*"))
    async def anything() -> None: ...

    return app


def recording_app(web: AsyncWebClient) -> tuple[AsyncApp, list[JSON]]:
    """An app that acks everything and remembers the events."""
    app, events = AsyncApp(client=web, signing_secret=""), list[JSON]()

    @app.event(re.compile(".*"))
    async def anything(event: JSON) -> None:
        events.append(event)

    return app, events


async def test_a_mention_is_answered_in_its_thread(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app = AsyncApp(client=web, signing_secret="")

    @app.event("app_mention")
    async def answer(event: JSON, say: Callable[..., Awaitable[Any]]) -> None:
        await say(text="42", thread_ts=event["ts"])

    @app.event(re.compile(".*"))
    async def anything() -> None: ...

    async with running(slack, app):
        ts = slack.say(ada, general, "what is it?", mention_bot=True)
        found = await slack.wait_for(lambda: slack.bot_messages(general, thread=ts))

    assert found[0]["text"] == "42"
    assert found[0]["thread_ts"] == ts
    assert [m["text"] for m in slack.messages(general, thread=ts)][1:] == ["42"]


async def test_a_mention_comes_as_two_events(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)

    async with running(slack, app):
        slack.say(ada, general, "hello", mention_bot=True)
        await slack.wait_for(lambda: len(events) == 2)

    sent = [record.payload for record in slack.sockets.delivered]
    assert {event["type"] for event in events} == {"message", "app_mention"}
    assert len({event["ts"] for event in events}) == 1
    assert len({payload["event_id"] for payload in sent}) == 2


async def test_a_direct_message_is_no_mention(
    slack: SlackServer, web: AsyncWebClient, ada: str
) -> None:
    app, events = recording_app(web)

    async with running(slack, app):
        slack.say(ada, slack.open_im(ada), "hello", mention_bot=True)
        await slack.wait_for(lambda: events)
        await asyncio.sleep(0.05)

    assert [event["channel_type"] for event in events] == ["im"]


async def test_an_event_without_ack_comes_again(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, tries = AsyncApp(client=web, signing_secret=""), list[JSON]()

    @app.middleware
    async def fail_twice(req: Any, next: Callable[[], Awaitable[None]]) -> None:
        tries.append(dict(req.headers))
        if len(tries) < 3:
            raise RuntimeError("no ack for this one")
        await next()

    @app.event(re.compile(".*"))
    async def anything() -> None: ...

    async with running(slack, app):
        slack.say(ada, general, "hello")
        await slack.wait_for(lambda: any(s.acked for s in slack.sockets.delivered))

    sent = slack.sockets.delivered
    assert [record.attempt for record in sent] == [0, 1, 2]
    assert len({record.payload["event_id"] for record in sent}) == 1
    assert tries[1]["x-slack-retry-num"] == ["1"]
    assert tries[1]["x-slack-retry-reason"] == ["timeout"]


async def test_an_event_nobody_acks_is_lost_after_three_repeats(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app = AsyncApp(client=web, signing_secret="")
    slack.sockets.ack_timeout = 0.05

    async with running(slack, app):
        slack.say(ada, general, "hello")
        await slack.wait_for(lambda: slack.sockets.lost)

    assert [record.attempt for record in slack.sockets.delivered] == [0, 1, 2, 3]


async def test_redelivery_sends_a_share_of_acked_events_twice(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)
    slack.redelivery(0.5)

    async with running(slack, app):
        for number in range(4):
            slack.say(ada, general, f"hello {number}")
        await slack.wait_for(lambda: len(events) == 6)

    assert len({event["ts"] for event in events}) == 4


async def test_each_event_goes_to_one_of_the_connections(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)

    async with running(slack, app), running(slack, app):
        for number in range(4):
            slack.say(ada, general, f"hello {number}")
        await slack.wait_for(lambda: len(events) == 4)

    used = [record.connection for record in slack.sockets.delivered]
    assert sorted(used) == [1, 1, 2, 2]


async def test_a_refreshed_connection_comes_back(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)

    async with running(slack, app):
        slack.refresh_socket()
        await slack.wait_for(lambda: slack.sockets.opened == 2)
        slack.say(ada, general, "hello again")
        await slack.wait_for(lambda: events)

    assert slack.sockets.lost == []


async def test_a_dropped_connection_comes_back(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)
    slack.sockets.retry_delays = (0.5, 0.5, 0.5)

    async with running(slack, app):
        slack.drop_socket()
        slack.say(ada, general, "into the gap")
        await slack.wait_for(lambda: events)

    assert slack.sockets.opened == 2


async def test_a_refused_url_is_used_up(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    opened = await web.apps_connections_open(app_token=APP_TOKEN)
    slack.refuse_sockets(0.05)
    statuses = []

    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(opened["url"])
            statuses.append(caught.value.status)
            await asyncio.sleep(0.06)

    assert statuses == [503, 403]


async def test_an_eleventh_connection_is_too_many(
    slack: SlackServer, web: AsyncWebClient
) -> None:
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(11):
            opened = await web.apps_connections_open(app_token=APP_TOKEN)
            sockets.append(await session.ws_connect(opened["url"]))
        first = [await socket.receive_json() for socket in sockets]

    assert [frame["type"] for frame in first[:10]] == ["hello"] * 10
    assert first[9]["num_connections"] == 10
    assert first[10]["reason"] == "too_many_websockets"


async def test_edits_deletes_and_reactions_arrive(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)

    async with running(slack, app):
        ts = slack.say(ada, general, "frist")
        slack.edit(ada, general, ts, "first")
        slack.unfurl(general, ts)
        slack.react(ada, general, ts, "+1")
        slack.unreact(ada, general, ts, "+1")
        slack.delete(ada, general, ts)
        await slack.wait_for(lambda: len(events) == 6)

    changed, unfurled = (e for e in events if e.get("subtype") == "message_changed")
    (deleted,) = (e for e in events if e.get("subtype") == "message_deleted")
    assert changed["previous_message"]["text"] == "frist"
    assert changed["message"]["text"] == "first"
    assert changed["message"]["edited"]["user"] == ada
    assert unfurled["message"]["text"] == unfurled["previous_message"]["text"]
    assert deleted["deleted_ts"] == ts
    assert {e["type"] for e in events} >= {"reaction_added", "reaction_removed"}


async def test_archiving_and_throwing_out_arrive(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)

    async with running(slack, app):
        slack.archive(general)
        slack.remove_bot(general)
        await slack.wait_for(lambda: len(events) == 2)

    assert {e["type"] for e in events} == {"channel_archive", "channel_left"}


async def test_own_messages_are_hidden_by_bolt(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, events = recording_app(web)

    async with running(slack, app):
        posted = await web.chat_postMessage(channel=general, text="mine")
        await web.chat_update(channel=general, ts=posted["ts"], text="mine, new")
        await web.chat_delete(channel=general, ts=posted["ts"])
        await slack.wait_for(lambda: len(slack.sockets.delivered) == 3)
        await slack.wait_for(lambda: all(s.acked for s in slack.sockets.delivered))

    assert events == []


async def test_a_slash_command_is_answered_in_the_ack_and_later(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app = new_app(web)
    webhooks: list[AsyncWebhookClient] = []

    @app.command("/curbside")
    async def command(ack: Callable[..., Awaitable[Any]], body: JSON) -> None:
        webhooks.append(AsyncWebhookClient(body["response_url"]))
        await ack(text=f"you said {body['text']}")

    async with running(slack, app):
        slack.slash(ada, general, "/curbside", "status")
        await slack.wait_for(lambda: slack.ephemerals)
        statuses = [(await webhooks[0].send(text="late")).status_code for _ in range(6)]

    assert slack.ephemerals[0]["text"] == "you said status"
    assert slack.ephemerals[0]["user"] == ada
    assert [seen["text"] for seen in slack.ephemerals[1:]] == ["late"] * 5
    assert statuses == [200] * 5 + [404]


async def test_a_response_in_the_channel_is_a_message(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app = new_app(web)

    @app.command("/curbside")
    async def command(ack: Callable[..., Awaitable[Any]], body: JSON) -> None:
        await ack()
        webhook = AsyncWebhookClient(body["response_url"])
        await webhook.send(text="for all", response_type="in_channel")

    async with running(slack, app):
        slack.slash(ada, general, "/curbside")
        found = await slack.wait_for(lambda: slack.bot_messages(general))

    assert found[0]["text"] == "for all"


async def test_a_click_arrives(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    app, seen = new_app(web), list[JSON]()

    @app.action("good")
    async def good(ack: Callable[..., Awaitable[Any]], body: JSON) -> None:
        await ack()
        await web.views_open(trigger_id=body["trigger_id"], view=WHY)
        seen.append(body)

    async with running(slack, app):
        posted = await web.chat_postMessage(channel=general, text="rate me")
        slack.click(ada, general, posted["ts"], "good", value="a-1")
        await slack.wait_for(lambda: seen)

    assert seen[0]["actions"][0]["value"] == "a-1"
    assert seen[0]["container"]["message_ts"] == posted["ts"]
    assert slack.web_api.views[0]["type"] == "modal"
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await web.views_open(trigger_id=seen[0]["trigger_id"], view=WHY)
