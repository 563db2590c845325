"""Which profile answers where."""

from dataclasses import replace

import pytest

from bot.model import ConversationId
from bot.router import bucket, resolve, scope_of, scopes
from bot.state.base import Route

HERE = ConversationId("slack", "T1", "C1", "1.2")
KNOWN = ["a", "b", "c"]


def profile(routes: dict[str, Route], place: ConversationId = HERE) -> str:
    return resolve(place, routes, known=KNOWN, default="a").profile


def test_the_narrowest_route_counts() -> None:
    routes = {"default": Route("a"), scope_of(HERE, "workspace"): Route("b")}
    assert profile(routes) == "b"

    routes[scope_of(HERE, "channel")] = Route("c")
    assert profile(routes) == "c"

    routes[scope_of(HERE, "thread")] = Route("a")
    assert profile(routes) == "a"


def test_scopes_of_a_channel_are_named_once() -> None:
    assert scopes(replace(HERE, thread="")) == ["slack:T1:C1:", "slack:T1::", "default"]


def test_without_routes_the_default_answers() -> None:
    assert profile({}) == "a"


def test_a_profile_that_is_gone_is_passed_over() -> None:
    routes = {scope_of(HERE, "channel"): Route("removed"), "default": Route("b")}

    assert profile(routes) == "b"


@pytest.mark.parametrize("share", [5, 20, 50])
def test_a_share_is_about_that_share_and_only_grows(share: int) -> None:
    places = [replace(HERE, thread=str(number)) for number in range(2_000)]
    routes = {scope_of(HERE, "channel"): Route(canary="b", share=share)}
    more = {scope_of(HERE, "channel"): Route(canary="b", share=share + 10)}

    chosen = {place for place in places if profile(routes, place) == "b"}
    grown = {place for place in places if profile(more, place) == "b"}

    assert abs(len(chosen) / 20 - share) < 4
    assert chosen < grown


def test_a_conversation_keeps_its_place() -> None:
    assert bucket(HERE) == bucket(ConversationId("slack", "T1", "C1", "1.2"))


def test_an_id_reads_back_what_it_wrote() -> None:
    odd = ConversationId("x", "a:b", "c/d", "é %")

    assert ConversationId.parse(str(odd)) == odd
    with pytest.raises(ValueError, match="not a conversation id"):
        ConversationId.parse("a:b")
