"""When Discord has had enough of our calls, none is made."""

from collections.abc import Callable

import pytest
from servers.discord import DiscordServer

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.banned import Ban
from adapters.discord.refusals import DiscordRefused, TokenRefused
from bot.adapter import Part
from bot.errors import DeliveryError, DeliveryImpossible, DeliveryLater
from bot.model import Delivery

Delivering = Callable[..., Delivery]


async def test_a_limit_that_is_not_of_the_api_stops_all_calls(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    server.fail("POST", "/messages$", kind="ratelimited_bare", seconds=45)

    for _ in range(3):
        with pytest.raises(DeliveryLater) as caught:
            await adapter.post(what, 0, Part("hi"))
        assert 44 < caught.value.retry_after <= 45

    assert len(server.sent("POST", "/messages$")) == 1


async def test_a_token_that_is_refused_is_not_tried_again_at_once(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    server.fail("*", "/messages$", kind="error:0", times=9)

    for _ in range(3):
        with pytest.raises(DeliveryImpossible, match="CURBSIDE_DISCORD_TOKEN"):
            await adapter.post(what, 0, Part("hi"))

    assert len(server.sent("POST", "/messages$")) == 1


@pytest.mark.parametrize(
    ("reason", "limited", "stopped"),
    [
        pytest.param(DeliveryLater("slow", 30), True, 30.0, id="banned"),
        pytest.param(DeliveryLater("slow", 3), False, 0.0, id="limited"),
        pytest.param(TokenRefused("token", 0), False, 60.0, id="token"),
        pytest.param(DiscordRefused("webhook", 50027), False, 0.0, id="webhook"),
        pytest.param(DiscordRefused("permission", 50013), False, 0.0, id="permission"),
    ],
)
def test_it_lasts_as_long_as_it_must(
    reason: DeliveryError, limited: bool, stopped: float
) -> None:
    now = [100.0]
    ban = Ban(lambda: now[0])

    ban.note(reason, limited=limited)

    if stopped:
        now[0] += stopped - 1
        with pytest.raises(type(reason)):
            ban.check()
        now[0] += 1
    ban.check()
