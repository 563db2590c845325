"""The local Slack's answers and events against the shapes that Slack published."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from servers.slack import APP_TOKEN, SlackServer
from slack_sdk.web.async_client import AsyncWebClient

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]


# The folder json-logs/samples of the repository slackapi/java-slack-sdk.
SAMPLES = Path(os.environ.get("CURBSIDE_SLACK_SAMPLES", "/no-samples"))
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="CURBSIDE_SLACK_SAMPLES names no folder of samples"
)


def unknown_keys(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """The keys of ours that Slack's sample does not have."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        strange = [f"{path}.{key}" for key in ours if theirs and key not in theirs]
        # The samples show each kind of block that there is, mixed into one.
        shared = [key for key in ours if key in theirs and key != "blocks"]
        return strange + [
            found
            for key in shared
            for found in unknown_keys(ours[key], theirs[key], f"{path}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and theirs:
        merged = theirs[0]
        if isinstance(merged, dict):
            merged = {k: v for one in theirs for k, v in one.items()}
        return [found for one in ours for found in unknown_keys(one, merged, path)]
    return []


def sample(*path: str) -> Any:
    return json.loads(SAMPLES.joinpath(*path).read_text())


async def all_answers(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> dict[str, Any]:
    """One good answer of each method."""
    root = slack.say(ada, general, "root")
    button = {"type": "button", "text": {"type": "plain_text", "text": "Good"}}
    blocks = [{"type": "actions", "elements": [button | {"action_id": "good"}]}]
    metadata = {"event_type": "curbside_answer", "event_payload": {"key": "k"}}
    post: JSON = {
        "channel": general,
        "text": "hm",
        "blocks": blocks,
        "metadata": metadata,
    }
    posted = await web.chat_postMessage(**post, thread_ts=root)
    ts, here = posted["ts"], JSON(channel=general)
    slack.react(ada, general, ts, "tada")
    slack.web_api.triggers.add("t")
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}
    answers = {
        "auth.test": await web.auth_test(),
        "apps.connections.open": await web.apps_connections_open(app_token=APP_TOKEN),
        "chat.postMessage": posted,
        "chat.update": await web.chat_update(**here, ts=ts, text="new"),
        "chat.postEphemeral": await web.chat_postEphemeral(**here, user=ada, text="x"),
        "chat.getPermalink": await web.chat_getPermalink(**here, message_ts=ts),
        "conversations.replies": await web.conversations_replies(
            **here, ts=root, include_all_metadata=True
        ),
        "conversations.history": await web.conversations_history(**here, limit=1),
        "conversations.info": await web.conversations_info(
            **here, include_num_members=True
        ),
        "conversations.open": await web.conversations_open(users=ada),
        "users.info": await web.users_info(user=ada),
        "users.conversations": await web.users_conversations(types="public_channel,im"),
        "reactions.add": await web.reactions_add(**here, name="eyes", timestamp=ts),
        "assistant.threads.setStatus": await web.assistant_threads_setStatus(
            channel_id=general, thread_ts=root, status="is reading"
        ),
        "assistant.threads.setSuggestedPrompts": (
            await web.assistant_threads_setSuggestedPrompts(
                channel_id=slack.open_im(ada),
                prompts=[{"title": "t", "message": "m"}],
            )
        ),
        "conversations.members": await web.conversations_members(**here),
        "conversations.list": await web.conversations_list(),
        "reactions.get": await web.reactions_get(
            **here, timestamp=slack.say(ada, general, "another")
        ),
        "reactions.remove": await web.reactions_remove(
            **here, name="eyes", timestamp=ts
        ),
        "files.info": await web.files_info(file=slack.upload(ada, "a.txt", b"a")),
        "views.open": await web.views_open(trigger_id="t", view=view),
        "views.publish": await web.views_publish(
            user_id=ada, view=view | {"type": "home"}
        ),
        "chat.delete": await web.chat_delete(**here, ts=ts),
    } | await streamed(web, general, root, ada)
    return {name: answer.data for name, answer in answers.items()}


async def streamed(
    web: AsyncWebClient, general: str, root: str, ada: str
) -> dict[str, Any]:
    started = await web.chat_startStream(
        channel=general,
        thread_ts=root,
        recipient_team_id="T00000001",
        recipient_user_id=ada,
    )
    here: JSON = {"channel": general, "ts": started["ts"]}
    appended = await web.chat_appendStream(**here, markdown_text="hm")
    await web.chat_stopStream(**here)
    return {"chat.startStream": started, "chat.appendStream": appended}


ESSENTIAL = {
    "auth.test": "url team user team_id user_id bot_id",
    "apps.connections.open": "url",
    "chat.postMessage": "channel ts message",
    "chat.update": "channel ts text message",
    "chat.delete": "channel ts",
    "chat.postEphemeral": "message_ts",
    "chat.getPermalink": "channel permalink",
    "conversations.replies": "messages has_more",
    "conversations.history": "messages has_more pin_count",
    "conversations.info": "channel",
    "conversations.open": "channel",
    "users.info": "user",
    "users.conversations": "channels response_metadata",
    "reactions.add": "",
    "assistant.threads.setStatus": "",
    "assistant.threads.setSuggestedPrompts": "",
    "chat.startStream": "channel ts",
    "chat.appendStream": "channel ts",
    "conversations.members": "members response_metadata",
    "conversations.list": "channels response_metadata",
    "reactions.get": "type channel message",
    "reactions.remove": "",
    "files.info": "file comments",
    "views.open": "view",
    "views.publish": "view",
}


async def test_answers_have_the_essential_keys(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    answers = await all_answers(slack, web, ada, general)

    missing = {
        name: {"ok", *keys.split()} - set(answers[name])
        for name, keys in ESSENTIAL.items()
    }
    assert not any(missing.values()), missing
    assert (await web.team_info())["team"]["id"] == "T00000001"
    bot = await web.bots_info(bot="B00000001")
    assert bot["bot"]["user_id"] == slack.bot_id


@needs_samples
async def test_answers_have_only_keys_of_slacks_samples(
    slack: SlackServer, web: AsyncWebClient, ada: str, general: str
) -> None:
    answers = await all_answers(slack, web, ada, general)

    strange = {
        name: unknown_keys(answer, sample("api", f"{name}.json"))
        for name, answer in answers.items()
    }
    assert not any(strange.values()), strange


@needs_samples
async def test_events_have_only_keys_of_slacks_samples(
    slack: SlackServer, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "hello", mention_bot=True)
    slack.say(ada, general, "reply", thread=ts)
    slack.edit(ada, general, ts, "hello there")
    slack.react(ada, general, ts, "+1")
    slack.unreact(ada, general, ts, "+1")
    slack.delete(ada, general, ts)
    slack.join(slack.add_user("bob"), general)
    slack.archive(general)
    slack.remove_bot(general)
    slack.open_home(ada)
    slack.uninstall("T00000001")
    # Nobody is connected: what could not be delivered is all there.
    await slack.wait_for(lambda: len(slack.sockets.lost) == 13)

    names = {
        "message": "Message",
        "message_changed": "MessageChanged",
        "message_deleted": "MessageDeleted",
        "channel_join": "MessageChannelJoin",
        "app_mention": "AppMention",
        "reaction_added": "ReactionAdded",
        "reaction_removed": "ReactionRemoved",
        "channel_archive": "ChannelArchive",
        "channel_left": "ChannelLeft",
        "app_home_opened": "AppHomeOpened",
        "tokens_revoked": "TokensRevoked",
        "app_uninstalled": "AppUninstalled",
    }
    strange = {}
    for payload in slack.sockets.lost:
        event = payload["event"]
        name = names[event.get("subtype", event["type"])]
        found = unknown_keys(payload, sample("events", f"{name}Payload.json"))
        strange[name] = found
    assert len(strange) == len(names)
    assert not any(strange.values()), strange
