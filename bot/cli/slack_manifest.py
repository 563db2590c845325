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
    "chat:write",  # answers, and the status line while one is made
    "commands",
    "reactions:read",  # a thumb on an answer is a rating
    "users:read",  # names, and who administers the workspace
]

BOT_EVENTS = [
    "agent_session_stopped",
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
]

PROMPTS = [
    {"title": "What can you answer?", "message": "What documents do you know?"},
    {"title": "Commands", "message": "help"},
]


def build(name: str, command: str) -> dict[str, Any]:
    """The manifest, with the app's name and slash command."""
    return {
        "display_information": {
            "name": name,
            "description": "Answers from the team's documents, with sources.",
        },
        "features": {
            "agent_view": {
                "agent_description": "Ask about anything in the team's documents.",
                "suggested_prompts": PROMPTS,
            },
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [
                {
                    "command": command,
                    "description": "Ask, or switch what answers here",
                    "usage_hint": "[question] | use <backend> | undo | status | help",
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": BOT_SCOPES}},
        "settings": {
            "event_subscriptions": {"bot_events": BOT_EVENTS},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
