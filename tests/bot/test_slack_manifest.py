"""The manifest of the Slack app against Slack's own schema, and what we use of it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from adapters.slack.settings import EVENTS, SCOPES
from bot.cli import app
from bot.cli.terminal import Exit

SCHEMA = Path(__file__).parents[1] / "data" / "slack" / "manifest.schema.2.0.0.json"
HTTP = ("--mode", "http", "--url", "https://bot.example.org/")


def manifest(*options: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["manifest", "slack", *options])
    assert done.exit_code == Exit.OK, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "options",
    [(), ("--name", "Ada", "--command", "/ada"), HTTP],
    ids=["sockets", "names of our own", "http"],
)
def test_slack_takes_the_manifest(options: tuple[str, ...]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    jsonschema.Draft7Validator(schema).validate(manifest(*options))


def test_the_schema_refuses_what_slack_would() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    bad = manifest()
    bad["features"]["agent_view"]["suggested_prompts"] *= 3

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(bad)


def test_it_asks_for_what_the_adapter_uses() -> None:
    asked = manifest()

    scopes = set(asked["oauth_config"]["scopes"]["bot"])
    events = asked["settings"]["event_subscriptions"]["bot_events"]
    assert scopes == SCOPES | {"assistant:write"}
    assert set(events) == set(EVENTS)


def test_the_names_are_ours() -> None:
    asked = manifest("--name", "Ada", "--command", "/ada")

    assert asked["display_information"]["name"] == "Ada"
    assert asked["features"]["slash_commands"][0]["command"] == "/ada"


def test_over_http_every_address_is_ours() -> None:
    asked = manifest(*HTTP)

    ours = "https://bot.example.org/slack"
    settings = asked["settings"]
    assert settings["event_subscriptions"]["request_url"] == f"{ours}/events"
    assert settings["interactivity"]["request_url"] == f"{ours}/interactions"
    assert asked["features"]["slash_commands"][0]["url"] == f"{ours}/commands"
    assert asked["oauth_config"]["redirect_urls"] == [f"{ours}/oauth_redirect"]
    assert settings["socket_mode_enabled"] is False


@pytest.mark.parametrize(
    "options",
    [
        ("--mode", "http"),
        ("--url", "https://bot.example.org"),
        ("--mode", "http", "--url", "http://bot.example.org"),
    ],
    ids=["no address", "an address for sockets", "an open address"],
)
def test_mode_and_address_go_together(options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["manifest", "slack", *options])

    assert done.exit_code == Exit.FAILURE
    assert "--url" in done.stderr
