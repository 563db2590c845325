"""Streams, sessions and prompts of the local Slack, against the real SDK."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from servers.slack import SlackServer
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]
TEAM = "T00000001"


@pytest.fixture
async def root(slack: SlackServer, ada: str, general: str) -> str:
    return slack.say(ada, general, "what is it?")


@pytest.fixture
def place(ada: str, general: str, root: str) -> JSON:
    """Where a stream in a channel goes, and for whom it is."""
    people = {"recipient_team_id": TEAM, "recipient_user_id": ada}
    return {"channel": general, "thread_ts": root, **people}


async def error_of(call: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    error: str = caught.value.response["error"]
    return error


async def test_the_sdks_helper_streams_a_message(
    slack: SlackServer, web: AsyncWebClient, general: str, root: str, place: JSON
) -> None:
    stream = await web.chat_stream(buffer_size=4, **place)
    await stream.append(markdown_text="hello ")
    await stream.append(markdown_text="world")
    button = {"type": "button", "action_id": "ok", "text": _plain("OK")}
    blocks = [{"type": "actions", "elements": [button]}]
    await stream.stop(markdown_text="!", blocks=blocks, session_status="active")

    (message,) = slack.bot_messages(general)
    assert message["text"] == "hello world!"
    assert message["thread_ts"] == root
    assert [block["type"] for block in message["blocks"]] == ["rich_text", "actions"]
    assert slack.web_api.agents.sessions[general, root]["status"] == "active"


async def test_steps_change_in_place_and_blocks_stay_where_they_came(
    slack: SlackServer, web: AsyncWebClient, general: str, place: JSON
) -> None:
    task = {"type": "task_update", "id": "t1", "title": "Searching"}
    pending = [task | {"status": "in_progress"}]
    started = await web.chat_startStream(**place, chunks=pending)
    here = {"channel": general, "ts": started["ts"]}
    text = {"type": "markdown_text", "text": "42"}
    await web.chat_appendStream(**here, chunks=[text, task | {"status": "complete"}])
    divider = {"type": "blocks", "blocks": [{"type": "divider"}]}
    await web.chat_stopStream(**here, chunks=[divider])

    blocks = slack.bot_messages(general)[0]["blocks"]
    assert [b["type"] for b in blocks] == ["task_card", "rich_text", "divider"]
    assert blocks[0]["status"] == "complete"


async def test_rules_of_a_start(
    slack: SlackServer,
    web: AsyncWebClient,
    ada: str,
    general: str,
    root: str,
    place: JSON,
) -> None:
    here: JSON = {"channel": general, "thread_ts": root}
    im = slack.open_im(ada)
    asked = slack.say(ada, im, "hello")

    errors = [
        await error_of(web.chat_startStream(**here)),
        await error_of(web.chat_startStream(**here, recipient_team_id=TEAM)),
        await error_of(web.chat_startStream(**place | {"thread_ts": "1.000000"})),
        await error_of(web.chat_startStream(**place, markdown_text="x" * 12_001)),
        await error_of(web.chat_startStream(**place, chunks=[{"type": "song"}])),
        await error_of(web.chat_startStream(**place, task_display_mode="grid")),
    ]

    assert errors == [
        "missing_recipient_team_id",
        "missing_recipient_user_id",
        "thread_not_found",
        "msg_too_long",
        "invalid_chunks",
        "invalid_arguments",
    ]
    assert slack.bot_messages() == []
    assert (await web.chat_startStream(channel=im, thread_ts=asked))["ok"]


async def test_a_stream_keeps_to_its_first_kind_of_content(
    web: AsyncWebClient, general: str, place: JSON
) -> None:
    chunk = [{"type": "markdown_text", "text": "x"}]
    texts = (await web.chat_startStream(**place, markdown_text="a"))["ts"]
    chunks = (await web.chat_startStream(**place, chunks=chunk))["ts"]
    here: JSON = {"channel": general}

    errors = [
        await error_of(web.chat_appendStream(**here, ts=texts, chunks=chunk)),
        await error_of(web.chat_appendStream(**here, ts=chunks, markdown_text="b")),
        await error_of(web.chat_stopStream(**here, ts=chunks, markdown_text="b")),
        await error_of(web.chat_appendStream(**here, ts=texts)),
    ]

    assert errors == ["streaming_mode_mismatch"] * 3 + ["no_text"]


async def test_a_stream_ends_after_its_time_and_can_then_be_edited(
    slack: SlackServer, web: AsyncWebClient, general: str, place: JSON
) -> None:
    slack.web_api.streaming.seconds = 0.1
    ts = (await web.chat_startStream(**place, markdown_text="a"))["ts"]
    here: JSON = {"channel": general, "ts": ts}
    early = await error_of(web.chat_update(**here, text="too early"))
    await asyncio.sleep(0.15)

    late = [
        await error_of(web.chat_appendStream(**here, markdown_text="b")),
        await error_of(web.chat_stopStream(**here)),
    ]
    await web.chat_update(**here, text="whole")

    assert early == "streaming_state_conflict"
    assert late == ["message_not_in_streaming_state"] * 2
    assert slack.bot_messages(general)[0]["text"] == "whole"


async def test_stop_ends_the_stream_and_says_so(
    slack: SlackServer,
    web: AsyncWebClient,
    ada: str,
    general: str,
    root: str,
    place: JSON,
) -> None:
    session: JSON = {"channel_id": general, "thread_ts": root}
    await web.agents_sessions_setStatus(**session, status="processing", title="It")
    ts = (await web.chat_startStream(**place, markdown_text="a"))["ts"]

    stopped = slack.stop_agent(ada, general, root)
    error = await error_of(
        web.chat_appendStream(channel=general, ts=ts, markdown_text="b")
    )
    await slack.wait_for(lambda: len(slack.sockets.lost) == 3)

    event = slack.sockets.lost[-1]["event"]
    assert stopped == [ts]
    assert error == "stopped_by_user"
    assert event["type"] == "agent_session_stopped"
    assert (event["thread_ts"], event["streaming_message_ts"]) == (root, [ts])


async def test_sessions_have_a_status_and_a_title(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str, root: str
) -> None:
    here: JSON = {"channel_id": general, "thread_ts": root}
    slack.web_api.agents.stop_is_subscribed = False

    first = await web.agents_sessions_setStatus(**here, status="processing", title="A")
    second = await web.agents_sessions_setStatus(**here, status="active", title="B")
    await web.agents_sessions_rename(**here, title="C")
    wrong = await error_of(web.agents_sessions_setStatus(**here, status="busy"))
    long = await error_of(web.agents_sessions_rename(**here, title="x" * 201))

    warning = "missing_agent_session_stopped_event_subscription"
    assert first["warning"] == warning
    assert (second["agent_status"], second["title"]) == ("active", "A")
    assert slack.web_api.agents.sessions[general, root]["title"] == "C"
    assert (wrong, long) == ("invalid_arguments", "invalid_arguments")


async def test_prompts_are_for_direct_messages_and_at_most_four(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    prompts = [{"title": str(n), "message": str(n)} for n in range(5)]
    im = slack.open_im(ada)

    await web.assistant_threads_setSuggestedPrompts(channel_id=im, prompts=prompts[:4])
    errors = [
        await error_of(
            web.assistant_threads_setSuggestedPrompts(channel_id=place, prompts=given)
        )
        for place, given in ((im, prompts), (im, []), (general, prompts[:1]))
    ]

    assert len(slack.web_api.agents.prompts[im, ""]["prompts"]) == 4
    assert errors == ["invalid_arguments"] * 2 + ["channel_type_not_supported"]


def _plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}
