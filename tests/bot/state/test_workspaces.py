"""A workspace that leaves: nothing of it stays, and nothing of others goes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.errors import ClaimLost
from bot.model import ConversationId, SentPart
from bot.state.base import Change, Rating, Record, RememberedTurn, Route

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OURS = ("slack", "T1")
OTHERS = [("slack", "T10"), ("slack", "T"), ("discord", "T1")]


@pytest.fixture
def fill(state, said, delivery):
    async def fill(platform, workspace):
        """One of each in a workspace: a delivery and its rating, a turn, a route with
        its change, a record, a waiting event, a dead one."""
        place = ConversationId(platform, workspace, "C1", "a")

        def asked(id):
            event = said(id)
            return replace(event, message=replace(event.message, conversation=place))

        answer = delivery(asked("1"), parts=(f"m-{workspace}",))
        for id in ("1", "2"):
            await state.inbox.accept(asked(id), limit=9)
        work = await state.inbox.claim("w", lease=30, wait=0)
        await state.inbox.begin(work.claim, answer)
        await state.inbox.finish(work.claim, [asked("1").key], answer)
        work = await state.inbox.claim("w", lease=30, wait=0)
        await state.inbox.bury(work.claim, [asked("2").key], "bug")
        await state.inbox.accept(asked("3"), limit=9)
        rating = Rating(answer.answer_id, platform, "U9", "good", NOW)
        await state.feedback.rate(rating)
        turn = RememberedTurn("1", "U9", "Zoë", "q?", "a.", NOW)
        await state.memory.remember(place, turn, ttl=60)
        scope = str(replace(place, thread=""))
        after = Route("rag")
        change = Change(scope, scope, None, after, "U9", "Zoë", scope, NOW)
        await state.routes.switch(change)
        tag = f"{platform}:{workspace}"
        await state.records.put(Record("case", tag, {}, NOW, workspace=tag))
        return place, answer

    return fill


async def test_erases_all_of_one_workspace(state, fill):
    place, answer = await fill(*OURS)

    assert await state.forget_workspace(*OURS) == 8

    assert await state.deliveries.get(answer.answer_id) is None
    assert await state.deliveries.of_message(place, "m-T1") is None
    assert not await state.deliveries.takes_part(place)
    assert (await state.memory.recall(place)).turns == ()
    assert await state.routes.all() == {}
    assert await state.routes.audit() == []
    assert await state.feedback.of_answer(answer.answer_id) == []
    assert await state.feedback.forget("slack", "U9") == 0
    assert await state.records.newest("case") == []
    assert await state.inbox.dead_letters() == []
    stats = await state.inbox.stats()
    assert (stats.waiting, stats.conversations, stats.dead) == (0, 0, 0)
    assert await state.inbox.claim("w", lease=30, wait=0) is None
    assert await state.forget_workspace(*OURS) == 0


@pytest.mark.parametrize("neighbour", OTHERS, ids=":".join)
async def test_leaves_all_others_alone(state, fill, neighbour):
    place, _ = await fill(*neighbour)

    assert await state.forget_workspace(*OURS) == 0

    assert await state.deliveries.of_message(place, f"m-{neighbour[1]}") is not None
    assert await state.forget_workspace(*neighbour) == 8


async def test_who_is_at_work_there_loses_the_claim(state, said, delivery):
    await state.inbox.accept(said("1"), limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)

    assert await state.forget_workspace(*OURS) == 1

    answer = delivery(said("1")).with_part(SentPart(0))
    with pytest.raises(ClaimLost):
        await state.inbox.begin(work.claim, answer)
    assert await state.inbox.claim("w", lease=30, wait=0) is None


async def test_a_workspace_may_come_back(state, said):
    await state.inbox.accept(said("1"), limit=5)
    await state.forget_workspace(*OURS)
    await state.inbox.accept(said("2"), limit=5)

    work = await state.inbox.claim("w", lease=30, wait=0)

    assert [entry.event.message.id for entry in work.waiting] == ["2"]
