"""Routes: a switch is done once, and can be taken back."""

import asyncio
from datetime import UTC, datetime

from bot.state.base import Change, Route

RAG = Route(profile="rag")
TUNED = Route(profile="tuned", canary="rag", share=10)


def change(change_id, scope="slack:T1", after=RAG, before=None, undoes=None):
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Change(
        change_id, scope, before, after, "slack:U1", "Zoë", "slack:T1:C1:", at, undoes
    )


async def test_switches_and_records_what_was_before(state, other):
    assert await state.routes.all() == {}

    first = await state.routes.switch(change("1", after=RAG, before=TUNED))
    second = await other.routes.switch(change("2", after=TUNED))

    assert first == change("1", after=RAG)
    assert second == change("2", before=RAG, after=TUNED)
    assert await state.routes.all() == {"slack:T1": TUNED}
    assert await state.routes.audit() == [second, first]
    assert await state.routes.audit(limit=1) == [second]


async def test_switches_once(state):
    first = await state.routes.switch(change("1", after=RAG))
    await state.routes.switch(change("2", after=TUNED))

    assert await state.routes.switch(change("1", after=RAG)) == first
    assert await state.routes.all() == {"slack:T1": TUNED}


async def test_switches_once_when_two_do_it_together(state, other):
    routes = [each.routes for each in (state, other)] * 5
    done = await asyncio.gather(*(each.switch(change("1")) for each in routes))

    assert done == [change("1")] * 10
    assert len(await state.routes.audit()) == 1


async def test_switches_back_to_nothing(state):
    await state.routes.switch(change("1"))
    await state.routes.switch(change("2", after=None))

    assert await state.routes.all() == {}


async def test_undoes_the_newest_change_of_these_scopes(state):
    await state.routes.switch(change("1", "a", RAG))
    await state.routes.switch(change("2", "b", RAG))
    await state.routes.switch(change("3", "b", TUNED))
    await state.routes.switch(change("4", "c", TUNED))

    undone = await state.routes.undo(["a", "b"], change("5", ""))

    assert undone == change("5", "b", RAG, before=TUNED, undoes="3")
    assert await state.routes.all() == {"a": RAG, "b": RAG, "c": TUNED}
    assert (await state.routes.audit())[0] == undone


async def test_undoes_further_and_further_back(state):
    await state.routes.switch(change("1", after=RAG))
    await state.routes.switch(change("2", after=TUNED))
    scopes = ["slack:T1"]

    assert (await state.routes.undo(scopes, change("3"))).undoes == "2"
    last = await state.routes.undo(scopes, change("4"))
    assert last == change("4", after=None, before=RAG, undoes="1")
    assert await state.routes.undo(scopes, change("5")) is None
    assert await state.routes.all() == {}


async def test_undoes_once(state):
    await state.routes.switch(change("1", after=RAG))
    await state.routes.switch(change("2", after=TUNED))

    first = await state.routes.undo(["slack:T1"], change("3"))

    assert await state.routes.undo(["slack:T1"], change("3")) == first
    assert await state.routes.all() == {"slack:T1": RAG}


async def test_has_nothing_to_undo(state):
    assert await state.routes.undo(["slack:T1"], change("1")) is None
    assert await state.routes.undo([], change("1")) is None
    assert await state.routes.audit() == []
