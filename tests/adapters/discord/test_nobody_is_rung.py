"""Every way in which anything is sent: none of them rings anybody by itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from parity.discord_stage import DiscordStage
from servers.discord.faults import Call

from bot.model import Action

MESSAGES = ("/messages", "/callback", "/webhooks/")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    stage = DiscordStage(tmp_path)
    await stage.open()
    yield stage
    await stage.aclose()


def message_of(call: Call) -> dict[str, Any] | None:
    """The message that a call writes, if it does."""
    body = call.body if isinstance(call.body, dict) else {}
    body = body.get("data") or body
    writes = call.method in ("POST", "PATCH") and any(
        part in call.path for part in MESSAGES
    )
    return body if writes and ("content" in body or "components" in body) else None


async def test_nothing_that_is_sent_can_ring(stage: DiscordStage) -> None:
    server, boss = stage.server, stage.person("boss", admin=True)
    channel, desk = stage.channel("general"), stage.channel("desk")
    role, _ = stage.call("staff")
    stage.behave(channel, human_channel=desk, human_mention=role)
    asked = stage.ask(boss, channel, "Unsafe?")
    seen = await stage.answer(asked)
    for action in (Action.SOURCES, Action.GOOD, Action.HUMAN, Action.RETRY):
        stage.press(boss, seen, action)
    await stage.until(lambda: stage.posts(desk))
    for words in ("ask Unsafe?", "help", "reset", "forget-me", "use tuned", "sources"):
        stage.command(boss, channel, words)
    await stage.settled()
    server.fail("POST", "/callback$", kind="error:10062")
    stage.press(boss, seen, Action.BAD)
    stage.did.pop()  # Discord takes no answer to this one.
    await stage.until(
        lambda: any("press the button again" in it.text for it in stage.answers(asked))
    )
    long = stage.ask(boss, stage.channel("other"), "At length?")
    await stage.until(lambda: any(it.files for it in stage.answers(long)))
    await stage.quiet()

    sent = [body for call in server.calls if (body := message_of(call)) is not None]
    forms = [body for body in sent if "title" in body]
    allowed = [body["allowed_mentions"] for body in sent if body not in forms]
    assert len(allowed) > 15
    assert all(one["parse"] == [] and not one.get("users") for one in allowed)
    ringing = [one for one in allowed if one.get("roles")]
    assert ringing
    assert all(one["roles"] == [role] for one in ringing)
    ours = server.state.messages.values()
    pings = {name for it in ours if it.author_id == server.bot_id for name in it.pinged}
    assert pings == {role}
