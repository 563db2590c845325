"""Opening the adapter, its settings, and what `doctor` is told."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from servers.discord import DiscordServer
from servers.discord.model import Intent
from servers.intake import Box

from adapters.discord import create
from adapters.discord.adapter import DiscordAdapter
from adapters.discord.settings import DiscordSettings
from bot.adapter import Part
from bot.errors import ConfigurationError
from bot.model import Delivery
from bot.settings import load_settings

Delivering = Callable[..., Delivery]
Opened = Callable[..., Any]
Listening = Callable[..., Any]


async def test_is_not_there_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CURBSIDE_DISCORD_TOKEN", raising=False)

    assert create(load_settings()) is None


async def test_is_there_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURBSIDE_DISCORD_TOKEN", "a-token")
    monkeypatch.setenv("CURBSIDE_DISCORD_THREADS", "false")

    adapter = create(load_settings())

    assert adapter is not None
    assert adapter.platform == "discord"


async def test_a_token_with_its_header_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CURBSIDE_DISCORD_TOKEN", "Bot a-token")

    with pytest.raises(ConfigurationError, match='without "Bot" before it'):
        create(load_settings())


async def test_a_wrong_token_is_a_configuration_error(
    server: DiscordServer, opened: Opened
) -> None:
    with pytest.raises(ConfigurationError, match="CURBSIDE_DISCORD_TOKEN"):
        async with opened(token="wrong"):
            pass


async def test_discords_trouble_at_the_start_is_made_up_for(
    server: DiscordServer,
    channel: int,
    ana: int,
    delivering: Delivering,
    opened: Opened,
) -> None:
    server.fail("GET", "/users/@me", kind="drop_before", times=2)
    async with opened() as adapter:
        asked = server.say(ana, channel, "?")

        posted = await adapter.post(delivering(channel, asked), 0, Part("hi"))

    assert server.message(int(posted)).content == "hi"


async def test_without_the_intent_the_fix_is_named(
    server: DiscordServer, opened: Opened, box: Box
) -> None:
    server.gateway.granted = Intent.NONE
    async with opened(message_content=True) as adapter:
        health = await adapter.health()
        with pytest.raises(ConfigurationError, match="Message Content Intent"):
            await adapter.listen(box)

    assert not health.ok
    assert "Message Content Intent" in health.problems[0]


async def test_places_that_cannot_be_heard_are_named(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "curbside.toml"
    config.write_text('[places."discord:1:2"]\nlisten = "every"\n')
    monkeypatch.setenv("CURBSIDE_CONFIG", str(config))
    monkeypatch.setenv("CURBSIDE_DISCORD_TOKEN", server.token)
    monkeypatch.setenv("CURBSIDE_DISCORD_API_URL", server.api_url)
    adapter = create(load_settings())
    assert adapter is not None
    try:
        health = await adapter.health()
    finally:
        await adapter.aclose()

    (problem,) = health.problems
    assert "'discord:1:2'" in problem
    assert "Message Content Intent" in problem


async def test_health_is_well(server: DiscordServer, adapter: DiscordAdapter) -> None:
    health = await adapter.health()

    assert health.ok
    assert "curbside" in health.detail


async def test_health_never_raises(server: DiscordServer) -> None:
    settings = DiscordSettings(token=SecretStr("wrong"), api_url=server.api_url)
    adapter = DiscordAdapter(settings)

    health = await adapter.health()

    assert not health.ok
    assert "CURBSIDE_DISCORD_TOKEN" in health.problems[0]
    await adapter.aclose()


async def test_health_names_what_must_be_changed(
    server: DiscordServer, opened: Opened, listening: Listening
) -> None:
    server.rest.about = {
        "approximate_guild_count": 2500,
        "interactions_endpoint_url": "https://example.org/",
    }
    async with opened(shards=1) as adapter, listening(adapter):
        server.gateway.accepting = False
        server.gateway.drop()
        await server.wait_for(lambda: not server.gateway.connected)
        await asyncio.sleep(0.1)

        health = await adapter.health()

    assert not health.ok
    endpoint, shards, gateway = health.problems
    assert "Interactions Endpoint URL" in endpoint
    assert "shards" in shards
    assert "gateway" in gateway


async def test_health_is_well_while_it_listens(hearing: DiscordAdapter) -> None:
    assert (await hearing.health()).ok


async def test_health_does_not_wait_for_ever(
    server: DiscordServer, adapter: DiscordAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.discord.adapter.HEALTH_SECONDS", 0.1)
    server.fail("GET", "/applications/@me", kind="slow", seconds=1)

    health = await adapter.health()

    assert not health.ok
    assert "did not answer" in health.problems[0]


async def test_a_token_that_is_revoked_meanwhile_ends_it(
    server: DiscordServer, adapter: DiscordAdapter, box: Box
) -> None:
    server.fail("GET", "/users/@me", kind="error:0")

    with pytest.raises(ConfigurationError, match="CURBSIDE_DISCORD_TOKEN"):
        await adapter.listen(box)
