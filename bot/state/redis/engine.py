"""The connection to Redis or Valkey: scripts, time limits, errors made ours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError, ResponseError

from bot.errors import ConfigurationError, StateTooNew, StateUnavailable

Command = Callable[[Redis], Awaitable[Any]]

LIMIT_SECONDS = 0.9
"""What any command may take, whatever state the server is in."""

CONNECTIONS = 24
SCHEMA = 1

# The same names as in `mailbox.lua`.
GROUP = "workers"
CONSUMER = "worker"

SCRIPTS = {
    "inbox": ("mailbox.lua", "inbox.lua"),
    "memory": ("memory.lua",),
    "routes": ("routes.lua",),
    "feedback": ("feedback.lua",),
    "records": ("records.lua",),
}


def _pool(url: str) -> ConnectionPool:
    try:
        return ConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            socket_timeout=LIMIT_SECONDS,
            socket_connect_timeout=LIMIT_SECONDS,
            # Once more, at once, where a kept connection turns out to be closed.
            retry=Retry(NoBackoff(), 1, supported_errors=(Disconnected,)),
            driver_info=None,
            decode_responses=True,
            protocol=2,
        )
    except ValueError:
        # Its own words might show a part of the password.
        raise ConfigurationError(
            "setting 'redis_url' is no URL of a Redis server; write it like "
            "redis://:password@127.0.0.1:6379/0"
        ) from None


class Engine:
    """Runs commands, each within a second, and keeps the consumer group alive."""

    def __init__(self, url: str, prefix: str) -> None:
        pool = _pool(url)
        self._redis: Redis = Redis.from_pool(pool)
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._under_way: set[asyncio.Task[Any]] = set()
        # The braces make all keys hash to one slot, so that scripts may use them all.
        self.prefix = f"{{{prefix}}}"
        kwargs = pool.connection_kwargs
        self.place = (
            f"{kwargs.get('host', kwargs.get('path', 'localhost'))}"
            f":{kwargs.get('port', 6379)}/{kwargs.get('db', 0)}"
        )
        folder = Path(__file__).parent
        self._scripts: Mapping[str, AsyncScript] = {
            name: self._redis.register_script(
                "\n".join((folder / file).read_text("utf-8") for file in files)
            )
            for name, files in SCRIPTS.items()
        }

    async def open(self) -> None:
        """Connect and prepare. Raises StateUnavailable, StateTooNew."""
        try:
            await self._check_schema()
            await self.script("inbox", "heal")
        except BaseException:
            await self.aclose()
            raise

    async def _check_schema(self) -> None:
        key = f"{self.prefix}:schema"
        await self.run(lambda redis: redis.set(key, SCHEMA, nx=True))
        found = int(await self.run(lambda redis: redis.get(key)) or SCHEMA)
        if found > SCHEMA:
            raise StateTooNew(
                f"Redis at {self.place} has schema {found}, this version of Curbside "
                f"knows {SCHEMA}: update Curbside, or use another database"
            )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=LIMIT_SECONDS)
        await self._redis.aclose(close_connection_pool=True)

    async def script(self, name: str, command: str, *arguments: str | int) -> Any:
        """Run a command of a script; it takes effect as a whole or not at all."""

        async def run(_: Redis) -> Any:
            return await self._scripts[name]([self.prefix], [command, *arguments])

        return await self.run(run)

    async def run(self, command: Command) -> Any:
        """Run a command. Raises StateUnavailable, within a second."""
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise self._silent() from None
        # Never cancelled: a command cut off in the middle could leave its reply behind
        # for the next one. The sockets' own time limit ends it.
        task = asyncio.ensure_future(self._run(command))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        left = started + LIMIT_SECONDS - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait({task}, timeout=left)
        if not done:
            raise self._silent()
        try:
            return task.result()
        except (RedisError, OSError) as error:
            raise StateUnavailable(f"Redis at {self.place}: {error}") from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        self._free.release()
        if not task.cancelled():
            task.exception()  # seen, though nobody may be waiting for it any more

    def _silent(self) -> StateUnavailable:
        return StateUnavailable(
            f"Redis at {self.place} did not answer within {LIMIT_SECONDS:g} s"
        )

    async def _run(self, command: Command) -> Any:
        try:
            return await command(self._redis)
        except ResponseError as error:
            # The second is what a blocked reader is told by Redis 7.
            if not any(word in str(error) for word in ("NOGROUP", "UNBLOCKED")):
                raise
        # The server lost its data, or the stream: build up anew what is still known.
        await self._scripts["inbox"]([self.prefix], ["heal"])
        return await command(self._redis)

    async def get(self, key: str) -> str | None:
        """A value; `key` is without the prefix, here and below."""
        name = f"{self.prefix}:{key}"
        found: str | None = await self.run(lambda redis: redis.get(name))
        return found

    async def values(self, keys: Sequence[str]) -> list[str | None]:
        """Several values at once."""
        names = [f"{self.prefix}:{key}" for key in keys]
        found: list[str | None] = await self.run(lambda redis: redis.mget(names))
        return found

    async def delete(self, *keys: str) -> None:
        """Delete keys of any kind."""
        names = [f"{self.prefix}:{key}" for key in keys]
        await self.run(lambda redis: redis.delete(*names))

    async def field(self, key: str, name: str) -> str | None:
        """One field of a hash."""
        hash = f"{self.prefix}:{key}"
        found: str | None = await self.run(lambda redis: redis.hget(hash, name))
        return found

    async def keys(self, beginning: str) -> AsyncIterator[list[str]]:
        """All keys that begin so, a portion at a time; some may come twice."""
        cursor, pattern = 0, f"{self.prefix}:{beginning}*"

        async def scan(redis: Redis) -> Any:
            return await redis.scan(cursor, match=pattern, count=1_000)

        while True:
            cursor, found = await self.run(scan)
            if found:
                yield [name.removeprefix(f"{self.prefix}:") for name in found]
            if not cursor:
                return

    async def fields(self, key: str) -> dict[str, str]:
        """All fields of a hash."""
        name = f"{self.prefix}:{key}"
        found: dict[str, str] = await self.run(lambda redis: redis.hgetall(name))
        return found

    async def next_ready(self, milliseconds: int) -> tuple[str, str] | None:
        """Wait for a ready conversation; its stream entry and its name."""
        stream = f"{self.prefix}:ready"

        async def read(redis: Redis) -> Any:
            return await redis.xreadgroup(
                GROUP, CONSUMER, {stream: ">"}, count=1, block=milliseconds
            )

        found = await self.run(read)
        if not found:
            return None
        entry, fields = found[0][1][0]
        return entry, fields["conversation"]

    async def describe(self) -> str:
        """What server this is, and what of its configuration would lose questions."""
        info: dict[str, Any] = await self.run(lambda redis: redis.info())
        policy = str(info.get("maxmemory_policy", "noeviction"))
        notes = []
        if not info.get("aof_enabled"):
            notes.append("no append-only file: a crash of the server loses questions")
        if info.get("maxmemory") and policy != "noeviction":
            notes.append(f"maxmemory-policy {policy} may evict questions")
        name = "Valkey" if info.get("server_name") == "valkey" else "Redis"
        version = info.get("valkey_version") or info.get("redis_version", "?")
        return "; ".join([f"{name} {version} at {self.place}", *notes])
