"""Both engines behind one fixture, `store`; `state` is an open connection to it."""

import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from redis import Redis
from servers.redis import RedisServer

from bot.model import Author, ConversationId, Delivery, Message, Said, SentPart
from bot.model import answer_id as id_of_answer
from bot.state.base import State
from bot.state.redis import RedisState
from bot.state.sqlite import SqliteState


class Store(Protocol):
    """Where a state is kept, with a way in past the contract: time passes at will."""

    source: str
    """Python that makes the same state in another process."""

    async def connect(self) -> State: ...

    def lapse(self) -> None:
        """Let the lease of every claim end now."""

    def hasten(self) -> None:
        """Let every postponement end now."""


class SqliteStore:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = (
            "from bot.state.sqlite import SqliteState; from pathlib import Path; "
            f"state = SqliteState(Path({str(path)!r}))"
        )

    async def connect(self) -> State:
        state = SqliteState(self.path)
        await state.open()
        return state

    def lapse(self) -> None:
        self._execute("UPDATE conversations SET until = 0 WHERE token IS NOT NULL")

    def hasten(self) -> None:
        self._execute(
            """UPDATE conversations SET until = 0
               WHERE token IS NULL AND until IS NOT NULL"""
        )

    def _execute(self, statement: str) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute(statement)
        connection.close()


class RedisStore:
    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.prefix = f"test-{uuid.uuid4().hex}"
        self.source = (
            "from bot.state.redis import RedisState; "
            f"state = RedisState({server.url!r}, prefix={self.prefix!r})"
        )

    def key(self, name: str) -> str:
        return f"{{{self.prefix}}}:{name}"

    async def connect(self) -> State:
        state = RedisState(self.server.url, prefix=self.prefix)
        await state.open()
        return state

    def lapse(self) -> None:
        ready = self.key("ready")
        with Redis.from_url(self.server.url) as redis:
            for found in redis.xpending_range(ready, "workers", "-", "+", 1000):
                redis.xclaim(
                    ready,
                    "workers",
                    "worker",
                    0,
                    [found["message_id"]],
                    idle=86_400_000,
                    justid=True,
                )

    def hasten(self) -> None:
        with Redis.from_url(self.server.url) as redis:
            for conversation in redis.zrange(self.key("later"), 0, -1):
                redis.zadd(self.key("later"), {conversation: 0})


@pytest.fixture(params=["sqlite", "redis"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes empty stores of either kind."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / f"{uuid.uuid4().hex}.db")
    server = request.getfixturevalue("redis_server")
    return lambda: RedisStore(server)


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


@pytest.fixture
async def state(store: Store) -> AsyncIterator[State]:
    state = await store.connect()
    yield state
    await state.aclose()


@pytest.fixture
async def other(store: Store) -> AsyncIterator[State]:
    """The same state as a second process sees it."""
    state = await store.connect()
    yield state
    await state.aclose()


@pytest.fixture
def place() -> Callable[[str], ConversationId]:
    def place(thread: str) -> ConversationId:
        return ConversationId("slack", "T1", "C1", thread)

    return place


@pytest.fixture
def said(place: Callable[[str], ConversationId]) -> Callable[..., Said]:
    def said(message_id: str, thread: str = "a", by: str = "U1") -> Said:
        author = Author(by, "Zoë", roles=frozenset({"staff"}))
        words = f"what about {message_id}? ✓"
        return Said(
            Message(message_id, place(thread), author, words, datetime.now(UTC))
        )

    return said


@pytest.fixture
def delivery() -> Callable[..., Delivery]:
    """The delivery for some questions; `parts` are the ids of its messages."""

    def delivery(*asked: Said, parts: tuple[str, ...] = ()) -> Delivery:
        question = asked[0].message
        return Delivery(
            answer_id=id_of_answer(question.conversation, question.id),
            conversation=question.conversation,
            covers=tuple(event.key for event in asked),
            question_id=question.id,
            parts=tuple(SentPart(at, part) for at, part in enumerate(parts)),
        )

    return delivery


@pytest.fixture
def stopwatch() -> Callable[[], float]:
    """Seconds since the fixture was made."""
    start = time.monotonic()
    return lambda: time.monotonic() - start
