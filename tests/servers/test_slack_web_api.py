"""The local Slack's Web API against the real SDK: answers, errors, scripted faults."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]


async def error_of(call: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    error: str = caught.value.response["error"]
    return error


async def test_drop_after_takes_effect_once(
    slack: SlackServer, web: AsyncWebClient, general: str
) -> None:
    slack.fail("chat.postMessage", kind="drop_after")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await web.chat_postMessage(channel=general, text="once")

    assert [m["text"] for m in slack.bot_messages(general)] == ["once"]
    assert [call.outcome for call in slack.calls] == ["drop_after"]


async def test_drop_after_doubles_the_post_of_a_client_that_retries(
    slack: SlackServer, general: str
) -> None:
    careless = AsyncWebClient(BOT_TOKEN, base_url=slack.api_url)
    slack.fail("chat.postMessage", kind="drop_after")

    await careless.chat_postMessage(channel=general, text="twice")

    assert [m["text"] for m in slack.bot_messages(general)] == ["twice", "twice"]


async def test_drop_before_has_no_effect(
    slack: SlackServer, web: AsyncWebClient, general: str
) -> None:
    slack.fail("chat.postMessage", kind="drop_before")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await web.chat_postMessage(channel=general, text="never")

    assert slack.bot_messages(general) == []


@pytest.mark.parametrize(
    ("kind", "posted"),
    [("http500", 0), ("http500_after", 1), ("html", 0)],
    ids=["error", "error after the write", "page of a proxy"],
)
async def test_a_broken_reply_is_an_error(
    slack: SlackServer,
    web: AsyncWebClient,
    general: str,
    kind: str,
    posted: int,
) -> None:
    slack.fail("chat.postMessage", kind=kind)

    with pytest.raises(SlackApiError):
        await web.chat_postMessage(channel=general, text="hm")

    assert len(slack.bot_messages(general)) == posted


async def test_a_slow_reply_takes_effect_though_nobody_waits(
    slack: SlackServer, general: str
) -> None:
    slack.fail("chat.postMessage", kind="slow", seconds=3)
    hasty = AsyncWebClient(BOT_TOKEN, base_url=slack.api_url, retry_handlers=[])
    hasty.timeout = 0.2  # type: ignore[assignment]  # whole seconds would be slow here

    with pytest.raises(asyncio.TimeoutError):
        await hasty.chat_postMessage(channel=general, text="late")

    assert [m["text"] for m in slack.bot_messages(general)] == ["late"]


async def test_the_sdk_obeys_our_429(slack: SlackServer, general: str) -> None:
    patient = AsyncWebClient(
        BOT_TOKEN,
        base_url=slack.api_url,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=1)],
    )
    slack.fail("chat.postMessage", kind="ratelimited", retry_after=1)

    await patient.chat_postMessage(channel=general, text="after a while")

    first, second = slack.calls
    assert (first.outcome, second.outcome) == ("ratelimited", "ok")
    assert second.time - first.time >= 1
    assert len(slack.bot_messages(general)) == 1


async def test_one_post_per_second_is_kept_when_asked_for(
    slack: SlackServer, web: AsyncWebClient, general: str
) -> None:
    slack.limits.one_post_per_second = True
    await web.chat_postMessage(channel=general, text="one")

    error = await error_of(web.chat_postMessage(channel=general, text="two"))

    assert error == "ratelimited"
    assert slack.calls_per_minute("chat.postMessage") == 2


async def test_scripted_slack_errors(
    slack: SlackServer, web: AsyncWebClient, general: str
) -> None:
    slack.fail("chat.postMessage", kind="error:restricted_action")
    slack.fail("*", times=2, kind="error:fatal_error")

    errors = [
        await error_of(web.chat_postMessage(channel=general, text="hm")),
        await error_of(web.chat_postMessage(channel=general, text="hm")),
        await error_of(web.auth_test()),
    ]

    assert errors == ["restricted_action", "fatal_error", "fatal_error"]
    assert (await web.auth_test())["ok"]


async def test_errors_are_slacks(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    root = slack.say(ada, general, "root")
    slack.delete(ada, general, root)
    closed, outside = slack.add_channel("closed"), slack.add_channel("x", private=True)
    slack.archive(closed)
    slack.remove_bot(outside)
    elsewhere = slack.add_channel("elsewhere", with_bot=False)
    posted = await web.chat_postMessage(channel=general, text="mine")
    theirs = slack.say(ada, general, "theirs")

    async def post(channel: str, text: str = "hm", **more: Any) -> str:
        arguments = {"channel": channel, "text": text, **more}
        return await error_of(web.api_call("chat.postMessage", json=arguments))

    async def update(ts: str, text: str) -> str:
        return await error_of(web.chat_update(channel=general, ts=ts, text=text))

    assert await post("C404") == "channel_not_found"
    assert await post(outside) == "channel_not_found"
    assert await post(elsewhere) == "not_in_channel"
    assert await post(closed) == "is_archived"
    assert await post(general, thread_ts=root) == "thread_not_found"
    assert await post(general, "x" * 40_001) == "msg_too_long"
    assert await post(general, "") == "no_text"
    assert await update(posted["ts"], "x" * 4_001) == "msg_too_long"
    assert await update(root, "gone") == "message_not_found"
    assert await update(theirs, "not mine") == "cant_update_message"
    replies = web.conversations_replies(channel=general, ts=root)
    assert await error_of(replies) == "thread_not_found"


async def test_tokens_and_scopes_are_checked(slack: SlackServer, general: str) -> None:
    def client(token: str | None) -> AsyncWebClient:
        return AsyncWebClient(token, base_url=slack.api_url, retry_handlers=[])

    slack.scopes.discard("chat:write")

    assert await error_of(client(None).auth_test()) == "not_authed"
    assert await error_of(client("xoxb-wrong").auth_test()) == "invalid_auth"
    assert await error_of(client(APP_TOKEN).auth_test()) == "not_allowed_token_type"
    opening = client(None).apps_connections_open(app_token=BOT_TOKEN)
    assert await error_of(opening) == "not_allowed_token_type"
    with pytest.raises(SlackApiError) as caught:
        await client(BOT_TOKEN).chat_postMessage(channel=general, text="hm")
    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "chat:write"
    answer = await client(BOT_TOKEN).auth_test()
    assert "chat:write" not in answer.headers["x-oauth-scopes"]


async def test_metadata_is_shown_only_when_asked_for(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    root = slack.say(ada, general, "root")
    metadata = {"event_type": "curbside_answer", "event_payload": {"key": "k"}}
    post: JSON = {"channel": general, "text": "hm", "metadata": metadata}
    await web.chat_postMessage(**post, thread_ts=root)

    plain = await web.conversations_replies(channel=general, ts=root)
    full = await web.conversations_replies(
        channel=general, ts=root, include_all_metadata=True
    )

    assert "metadata" not in plain["messages"][1]
    assert full["messages"][1]["metadata"] == metadata


async def test_a_reply_looked_up_by_its_own_ts_names_its_thread(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    root = slack.say(ada, general, "root")
    reply = slack.say(ada, general, "reply", thread=root)

    found = await web.conversations_replies(channel=general, ts=reply)

    assert [m["thread_ts"] for m in found["messages"]] == [root]


async def test_replies_outlive_their_deleted_root(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    root = slack.say(ada, general, "root")
    posted = await web.chat_postMessage(channel=general, text="a", thread_ts=root)
    slack.delete(ada, general, root)

    await web.chat_update(channel=general, ts=posted["ts"], text="b")
    await web.chat_delete(channel=general, ts=posted["ts"])

    assert slack.messages(general) == []


async def test_history_is_paged_newest_first_and_without_replies(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    stamps = [slack.say(ada, general, str(number)) for number in range(5)]
    slack.say(ada, general, "reply", thread=stamps[0])

    first = await web.conversations_history(channel=general, oldest=stamps[0], limit=3)
    rest = await web.conversations_history(
        channel=general,
        oldest=stamps[0],
        limit=3,
        cursor=first["response_metadata"]["next_cursor"],
    )

    assert [m["text"] for m in first["messages"]] == ["4", "3", "2"]
    assert [m["text"] for m in rest["messages"]] == ["1"]
    assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_a_started_again_server_keeps_port_and_messages(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "before")

    await slack.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await web.auth_test()
    await slack.start()

    found = await web.conversations_history(channel=general)
    assert [m["ts"] for m in found["messages"]] == [ts]


async def test_control_over_http(slack: SlackServer) -> None:
    async with aiohttp.ClientSession(slack.url) as session:

        async def control(name: str, /, **arguments: Any) -> Any:
            async with session.post(f"/control/{name}", json=arguments) as reply:
                return await reply.json()

        await control("add_user", name="bob")
        channel = (await control("add_channel", name="random"))["result"]
        said = await control("say", user="bob", channel="random", text="hello")
        refused = await control("say", user="nobody", channel="random", text="hello")
        unknown = await control("stop")
        async with session.get("/control/calls") as reply:
            calls = await reply.json()

    assert slack.messages(channel)[0]["ts"] == said["result"]
    assert refused == {"error": "user_not_found"}
    assert "add_user" in unknown["error"]
    assert calls == {"result": []}
