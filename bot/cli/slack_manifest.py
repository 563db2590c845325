"""The Slack app as Slack's own form of it: `api.slack.com/apps`, "from a manifest".

Only what the adapter uses is asked for; a test holds the two together.
"""

from typing import Any

BOT_SCOPES = [
    "app_mentions:read",  # questions in channels
    "assistant:write",  # Slack adds it itself to an app with an agent view
    "channels:history",  # follow-ups in a thread; so are the next three
    "groups:history",
    "im:history",
    "mpim:history",
    "channels:read",  # which channels to read after a pause; so are the next three
    "groups:read",
    "im:read",
    "mpim:read",
    "chat:write",  # answers, and the status line while one is made
    "commands",
    "files:read",  # files that come with a question
    "reactions:read",  # a thumb on an answer is a rating
    "users:read",  # names, languages, and who administers the workspace
]

BOT_EVENTS = [
    "agent_session_stopped",
    "agent_session_title_changed",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
    "tokens_revoked",
]

PROMPTS = [
    {"title": "What can you answer?", "message": "What documents do you know?"},
    {"title": "Commands", "message": "help"},
]

SHORTCUT = "ask_about_this"
LEARN_SHORTCUT = "learn_this"


def build(name: str, command: str, url: str = "") -> dict[str, Any]:
    """The manifest, with the app's name and slash command.

    With the `url` of our server, events come over HTTP, else over sockets.
    """
    return {
        "display_information": {
            "name": name,
            "description": "Answers from the team's documents, with sources.",
        },
        "features": _features(name, command, url),
        "oauth_config": {
            "scopes": {"bot": BOT_SCOPES},
            **({"redirect_urls": [f"{url}/slack/oauth_redirect"]} if url else {}),
        },
        "settings": {
            "event_subscriptions": {
                "bot_events": BOT_EVENTS,
                **_at(url, "events"),
            },
            "interactivity": {"is_enabled": True, **_at(url, "interactions")},
            # An organisation installs it once for all of its workspaces.
            "org_deploy_enabled": bool(url),
            "socket_mode_enabled": not url,
            "token_rotation_enabled": False,
        },
    }


def _features(name: str, command: str, url: str) -> dict[str, Any]:
    return {
        "agent_view": {
            "agent_description": "Ask about anything in the team's documents.",
            "suggested_prompts": PROMPTS,
        },
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": name, "always_online": True},
        "shortcuts": [
            {
                "name": "Ask about this",
                "type": "message",
                "callback_id": SHORTCUT,
                "description": f"Ask {name[:60]} about a message",
            },
            {
                "name": "Propose for documents",
                "type": "message",
                "callback_id": LEARN_SHORTCUT,
                "description": "Propose a message as an answer to keep",
            },
        ],
        "slash_commands": [
            {
                "command": command,
                "description": "Ask, or switch what answers here",
                "usage_hint": "[question] | use <backend> | undo | status | help",
                "should_escape": False,
                **({"url": f"{url}/slack/commands"} if url else {}),
            }
        ],
    }


def _at(url: str, what: str) -> dict[str, str]:
    return {"request_url": f"{url}/slack/{what}"} if url else {}
