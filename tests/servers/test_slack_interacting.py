"""Buttons, modals, shortcuts, Home, files of the local Slack, against the real Bolt."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackError, SlackServer
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def modal(**more: Any) -> JSON:
    blocks = [
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("What was wrong?"),
            "element": {"type": "plain_text_input", "action_id": "why"},
        },
        {
            "type": "input",
            "block_id": "kind",
            "optional": True,
            "label": plain("Kind"),
            "element": {
                "type": "static_select",
                "action_id": "kind",
                "options": [
                    {"text": plain("Wrong"), "value": "wrong"},
                    {"text": plain("Old"), "value": "old"},
                ],
            },
        },
    ]
    view = {"type": "modal", "title": plain("Why?"), "submit": plain("Send")}
    return view | {"callback_id": "why", "blocks": blocks} | more


@asynccontextmanager
async def running(slack: SlackServer, app: AsyncApp) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.1)
    await handler.client.connect()  # type: ignore[no-untyped-call]
    await slack.wait_for(lambda: slack.sockets.connections)
    try:
        yield
    finally:
        await handler.client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def app(web: AsyncWebClient) -> AsyncApp:
    app = AsyncApp(client=web, signing_secret="")

    @app.event(re.compile(".*"))
    async def anything() -> None: ...

    return app


async def open_modal(slack: SlackServer, web: AsyncWebClient, ada: str) -> JSON:
    slack.web_api.triggers.add("t1", ada)
    opened = await web.views_open(trigger_id="t1", view=modal())
    view: JSON = opened["view"]
    return view


async def test_feedback_buttons_say_which_one_was_pressed(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, ada: str, general: str
) -> None:
    pressed: list[JSON] = []

    @app.action("rate")
    async def rate(ack: Ack, action: JSON) -> None:
        await ack()
        pressed.append(action)

    buttons = {"positive_button": {"text": plain("Good"), "value": "good:a1"}}
    buttons["negative_button"] = {"text": plain("Bad"), "value": "bad:a1"}
    element = {"type": "feedback_buttons", "action_id": "rate"} | buttons
    blocks = [{"type": "context_actions", "elements": [element]}]
    posted = await web.chat_postMessage(channel=general, text="42", blocks=blocks)

    async with running(slack, app):
        slack.click(ada, general, posted["ts"], "rate", "bad:a1")
        await slack.wait_for(lambda: pressed)
        with pytest.raises(SlackError, match="no_such_option"):
            slack.click(ada, general, posted["ts"], "rate", "fine")

    assert (pressed[0]["type"], pressed[0]["value"]) == ("feedback_buttons", "bad:a1")


async def test_a_submitted_modal_closes(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, ada: str
) -> None:
    states: list[JSON] = []

    @app.view("why")
    async def why(ack: Ack, view: JSON) -> None:
        states.append(view["state"]["values"])
        await ack()

    view = await open_modal(slack, web, ada)
    async with running(slack, app):
        with pytest.raises(SlackError, match="missing_input: why"):
            slack.submit(ada, view["id"])
        slack.submit(ada, view["id"], {"why": "it is old", "kind": "old"})
        await slack.wait_for(lambda: slack.modal(ada) is None)

    assert states[0]["reason"]["why"]["value"] == "it is old"
    assert states[0]["kind"]["kind"]["selected_option"]["value"] == "old"


async def test_answers_to_a_modal_are_carried_out(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, ada: str
) -> None:
    answers: list[JSON] = [
        {"response_action": "errors", "errors": {"reason": "too short"}},
        {"response_action": "update", "view": modal(title=plain("Second"))},
        {"response_action": "push", "view": modal(title=plain("Third"))},
        {"response_action": "clear"},
    ]

    @app.view("why")
    async def why(ack: Ack) -> None:
        await ack(**answers.pop(0))

    view = await open_modal(slack, web, ada)
    async with running(slack, app):
        slack.submit(ada, view["id"], {"why": "x"})
        await slack.wait_for(lambda: slack.view_errors)
        assert slack.view_errors[view["id"]] == {"reason": "too short"}
        slack.submit(ada, view["id"], {"why": "x"})
        await slack.wait_for(lambda: title(slack, ada) == "Second")
        slack.submit(ada, view["id"], {"why": "x"})
        await slack.wait_for(lambda: title(slack, ada) == "Third")
        top = slack.modal(ada)
        assert top is not None
        assert top["root_view_id"] == view["id"]
        slack.submit(ada, top["id"], {"why": "x"})
        await slack.wait_for(lambda: slack.modal(ada) is None)


async def test_a_modal_nobody_answers_for_stays_open(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, ada: str
) -> None:
    view = await open_modal(slack, web, ada)

    async with running(slack, app):
        slack.submit(ada, view["id"], {"why": "x"})
        await slack.wait_for(lambda: slack.unanswered)

    assert title(slack, ada) == "Why?"


async def test_triggers_and_hashes(
    slack: SlackServer, web: AsyncWebClient, ada: str
) -> None:
    slack.web_api.triggers.seconds = 0.05
    slack.web_api.triggers.add("old", ada)
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    first = await web.views_publish(user_id=ada, view=home)
    await web.views_publish(user_id=ada, view=home, hash=first["view"]["hash"])
    await asyncio.sleep(0.1)

    async def error(call: Awaitable[object]) -> str:
        with pytest.raises(SlackApiError) as caught:
            await call
        found: str = caught.value.response["error"]
        return found

    late = web.views_open(trigger_id="old", view=modal())
    strange = web.views_open(trigger_id="never", view=modal())
    stale = web.views_publish(user_id=ada, view=home, hash=first["view"]["hash"])
    nowhere = web.views_update(view_id="V404", view=modal())

    assert await error(late) == "expired_trigger_id"
    assert await error(strange) == "invalid_trigger_id"
    assert await error(stale) == "hash_conflict"
    assert await error(nowhere) == "not_found"


async def test_modals_lie_three_deep(
    slack: SlackServer, web: AsyncWebClient, ada: str
) -> None:
    await open_modal(slack, web, ada)
    for number in range(2):
        slack.web_api.triggers.add(f"p{number}", ada)
        await web.views_push(trigger_id=f"p{number}", view=modal())
    slack.web_api.triggers.add("p3", ada)

    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await web.views_push(trigger_id="p3", view=modal())

    assert len(slack.web_api.modals.stack(ada)) == 3


async def test_shortcuts_home_context_and_closing_arrive(
    slack: SlackServer, web: AsyncWebClient, app: AsyncApp, ada: str, general: str
) -> None:
    seen: list[str] = []

    @app.shortcut("ask")
    async def ask(ack: Ack, shortcut: JSON) -> None:
        await ack()
        seen.append(shortcut["message"]["text"])

    @app.view_closed("why")
    async def closed(ack: Ack) -> None:
        await ack()
        seen.append("closed")

    home = {"type": "home", "blocks": [{"type": "divider"}]}
    await web.views_publish(user_id=ada, view=home)
    slack.web_api.triggers.add("t1", ada)
    opened = await web.views_open(trigger_id="t1", view=modal(notify_on_close=True))
    ts = slack.say(ada, general, "how so?")

    async with running(slack, app):
        slack.shortcut(ada, general, ts, "ask")
        await slack.wait_for(lambda: seen == ["how so?"])
        slack.close_view(ada, opened["view"]["id"])
        await slack.wait_for(lambda: len(seen) == 2)
        slack.open_home(ada)
        slack.open_home(ada, "messages")
        slack.look_at(ada, general)
        slack.look_at(ada)
        await slack.settled()

    acked = [sent.payload for sent in slack.sockets.delivered if sent.acked]
    events = [payload["event"] for payload in acked if "event" in payload]
    events = [event for event in events if event["type"].startswith("app_")]
    assert events[0]["view"]["type"] == "home"
    assert events[1]["tab"] == "messages"
    assert events[2]["context"]["entities"][0]["value"] == general
    assert events[3]["context"] == {}


async def test_a_file_wants_the_token(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    file = slack.upload(ada, "rota.txt", b"who is in", "text/plain")
    slack.say(ada, general, "see this", files=[file])
    info = (await web.files_info(file=file))["file"]
    message = (await web.conversations_history(channel=general))["messages"][0]

    async with aiohttp.ClientSession() as session:

        async def download(token: str) -> tuple[str, bytes]:
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(info["url_private"], headers=headers) as reply:
                return reply.content_type, await reply.read()

        good, bad = await download(BOT_TOKEN), await download("xoxb-wrong")

    assert message["files"][0]["id"] == file
    assert message["subtype"] == "file_share"
    assert good == ("text/plain", b"who is in")
    assert bad[0] == "text/html"
    assert b"Sign in" in bad[1]


async def test_user_groups_and_lists(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    group = slack.add_group("nurses", ada)

    members = (await web.conversations_members(channel=general))["members"]
    everybody = [user["id"] for user in (await web.users_list())["members"]]

    assert (await web.usergroups_list())["usergroups"][0]["handle"] == "nurses"
    assert (await web.usergroups_users_list(usergroup=group))["users"] == [ada]
    assert set(members) == set(everybody) == {ada, slack.bot_id}
    assert (await web.conversations_list())["channels"][0]["id"] == general


def title(slack: SlackServer, user: str) -> str | None:
    view = slack.modal(user)
    return view["title"]["text"] if view else None
