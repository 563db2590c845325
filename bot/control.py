"""A local door into the running bot, for commands that need what it owns.

The embedded vector store has one owner. `curbside ingest` finds the owner's Unix socket
in the data folder and hands the job over; progress comes back as JSON lines.
"""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from backends.base import BackendError
from bot.errors import ConfigurationError, CurbsideError

log = logging.getLogger(__name__)

SOCKET = "control.sock"
MAX_SOCKET_PATH = 100  # the system's limit is 104 to 108 bytes

LINE_BYTES = 64 * 2**20
"""A report names each document, in one line; a job may bring many questions."""

Emit = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
Job = Callable[[dict[str, Any], Emit], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serve(data_dir: Path, jobs: dict[str, Job]) -> AsyncIterator[None]:
    """Take jobs by name at the data folder's socket, only from this user."""
    path = data_dir / SOCKET
    if len(str(path)) > MAX_SOCKET_PATH:
        log.warning("no control socket: the path %s is too long", path)
        yield
        return

    async def take(request: web.Request) -> web.StreamResponse:
        job = jobs.get(request.match_info["job"])
        if job is None:
            raise web.HTTPNotFound
        response = web.StreamResponse()
        await response.prepare(request)

        async def emit(line: dict[str, Any]) -> None:
            await response.write(json.dumps(line).encode() + b"\n")

        try:
            await job(await request.json(), emit)
        except (BackendError, CurbsideError) as error:
            log.error("job %s: %s", request.match_info["job"], error)
            await emit({"error": str(error)})
        except Exception as error:  # the caller gets it; the bot goes on
            log.exception("job %s", request.match_info["job"])
            await emit({"error": str(error)})
        await response.write_eof()
        return response

    application = web.Application(client_max_size=LINE_BYTES)
    application.router.add_post("/{job}", take)
    try:
        await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"setting 'data_dir': {data_dir} cannot be used ({error.strerror}); make "
            "it a folder that can be written to, or name another one"
        ) from error
    runner = web.AppRunner(application)
    await runner.setup()
    path.unlink(missing_ok=True)
    await web.UnixSite(runner, str(path)).start()
    path.chmod(0o600)
    try:
        yield
    finally:
        await runner.cleanup()
        path.unlink(missing_ok=True)


async def listening(data_dir: Path) -> bool:
    """Whether a running bot takes jobs at this data folder."""
    with suppress(OSError, ValueError):
        _, writer = await asyncio.open_unix_connection(str(data_dir / SOCKET))
        writer.close()
        return True
    return False


async def hand_over(
    data_dir: Path, job: str, arguments: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Have the running bot do a job; yields its progress. Raises CurbsideError."""
    body = io.BytesIO(json.dumps(arguments).encode())
    connector = aiohttp.UnixConnector(str(data_dir / SOCKET))
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=3)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.post(
                f"http://curbside/{job}", data=body, read_bufsize=LINE_BYTES
            ) as response,
        ):
            async for raw in response.content:
                line = json.loads(raw)
                if "error" in line:
                    raise CurbsideError(line["error"])
                yield line
    except aiohttp.ClientError as error:
        raise CurbsideError(f"the running bot broke off the job: {error}") from error
