"""npm's discord-digital-twin behind a small front, for what discord.py is strict about.

Written by others, it shows whether ours is not the only Discord that Curbside can talk
to. It is installed on first use, into the folder for temporary files.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import ClientSession, WSMsgType, web

PACKAGE = {
    "private": True,
    "dependencies": {"discord-digital-twin": "0.1.1"},
    # The version that it names is in no registry.
    "overrides": {"spiceflow": "1.19.0"},
}
FOLDER = Path(tempfile.gettempdir()) / "curbside-discord-digital-twin-0.1.1"
PROGRAM = Path(__file__).with_name("discord_twin.mjs")
INSTALL_SECONDS = 120

OWNER = {"id": "1", "username": "owner", "discriminator": "0", "avatar": None}


class Missing(Exception):
    """It cannot be run here; the words say why."""


async def installed() -> Path:
    """The folder with the package. Raises Missing."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Missing("discord-digital-twin needs node and npm on PATH")
    if (FOLDER / "node_modules/discord-digital-twin/dist/index.js").exists():
        return FOLDER
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "package.json").write_text(json.dumps(PACKAGE))
    process = await asyncio.create_subprocess_exec(
        *(npm, "install", "--no-audit", "--no-fund"),
        cwd=FOLDER,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        raise Missing("npm did not install discord-digital-twin in time") from None
    if process.returncode:
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        raise Missing(f"npm cannot install discord-digital-twin: {last}")
    return FOLDER


@dataclass
class Twin:
    """The running twin, through its front."""

    process: asyncio.subprocess.Process
    about: dict[str, Any]
    session: ClientSession
    root: str = ""

    @property
    def api_url(self) -> str:
        return f"http://{self.root}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://{self.root}/gateway"

    async def say(self, text: str) -> int:
        """The person writes in the channel; the id of the message."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"say": text}).encode() + b"\n")
        return int(json.loads(await self.process.stdout.readline())["id"])

    async def messages(self, channel: int) -> list[dict[str, Any]]:
        """What the bot sees in a channel, the newest first."""
        url = f"{self.api_url}/channels/{channel}/messages"
        headers = {"Authorization": f"Bot {self.about['token']}"}
        async with self.session.get(url, headers=headers) as response:
            found = await response.json()
            return found if isinstance(found, list) else []

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """A REST call, with the headers that the library looks at."""
        to = f"http://127.0.0.1:{self.about['port']}{request.path_qs}"
        if request.path.endswith("/oauth2/applications/@me"):
            to = to.replace("/oauth2", "")
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        async with self.session.request(
            request.method, to, headers=headers, data=await request.read()
        ) as response:
            body, status = await response.read(), response.status
        shown = {"Content-Type": "application/json", "Via": "1.1 front"}
        if request.path.endswith("/applications/@me"):
            body = json.dumps(json.loads(body) | {"owner": OWNER}).encode()
        if request.path.endswith("/callback") and status == 204:
            body, status = b'{"interaction": {"id": "1", "type": 2}}', 200
        return web.Response(body=body, status=status, headers=shown)

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        """The gateway, with its mentions filled in."""
        ours = web.WebSocketResponse()
        await ours.prepare(request)
        url = f"ws://127.0.0.1:{self.about['port']}/gateway"
        async with self.session.ws_connect(url) as theirs:

            async def down() -> None:
                async for message in theirs:
                    if message.type is WSMsgType.TEXT:
                        await ours.send_str(self._mended(message.data))

            copying = asyncio.create_task(down())
            async for message in ours:
                if message.type is WSMsgType.TEXT:
                    await theirs.send_str(message.data)
            copying.cancel()
            with suppress(asyncio.CancelledError):
                await copying
        return ours

    def _mended(self, text: str) -> str:
        frame = json.loads(text)
        data, bot = frame.get("d"), self.about["bot"]
        if frame.get("t") == "READY":
            data["resume_gateway_url"] = self.gateway_url
        if frame.get("t") == "MESSAGE_CREATE" and f"<@{bot}>" in data["content"]:
            data["mentions"] = [OWNER | {"id": bot, "bot": True}]
        return json.dumps(frame)


@asynccontextmanager
async def twin() -> AsyncIterator[Twin]:
    """Run it. Raises Missing where that is not possible."""
    folder = await installed()
    process = await asyncio.create_subprocess_exec(
        *("node", str(PROGRAM), str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with aiohttp.ClientSession() as session:
        try:
            async with asyncio.timeout(30):
                about = json.loads(await process.stdout.readline())
            here = Twin(process, about, session)
            app = web.Application()
            app.router.add_get("/gateway", here.gateway)
            app.router.add_get("/gateway/", here.gateway)
            app.router.add_route("*", "/api/{rest:.*}", here.forward)
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            here.root = f"{host}:{port}"
            yield here
            await runner.cleanup()
        finally:
            process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
