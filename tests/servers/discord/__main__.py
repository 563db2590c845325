"""Serve the local Discord alone: `PYTHONPATH=tests python -m servers.discord`."""

import argparse
import asyncio

from .server import TOKEN, DiscordServer


async def serve(port: int, token: str) -> None:
    server = DiscordServer(token=token)
    await server.start(port)
    guild = server.add_guild()
    channel, user = server.add_channel(guild), server.add_user("ana")
    server.grant(user)
    print(f"REST     {server.api_url}")
    print(f"gateway  {server.gateway_url}")
    print(f"control  {server.control_url}")
    print(f"token {token}, guild {guild}, channel {channel}, user {user}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4310)
    parser.add_argument("--token", default=TOKEN)
    options = parser.parse_args()
    try:
        asyncio.run(serve(options.port, options.token))
    except KeyboardInterrupt:
        print("stopped")


main()
