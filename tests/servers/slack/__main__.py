"""Starts the local Slack by itself, with a few people and channels in it."""

import argparse
import asyncio
import sys

from . import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer


async def serve(port: int) -> None:
    server = SlackServer(port=port)
    ada, bob = server.add_user("ada", admin=True), server.add_user("bob")
    general, im = server.add_channel("general"), server.open_im(ada)
    await server.start()
    lines = (
        f"Web API    {server.api_url}",
        f"control    {server.url}/control/",
        f"bot token  {BOT_TOKEN}",
        f"app token  {APP_TOKEN}",
        f"secret     {SIGNING_SECRET}",
        f"people     ada (admin) {ada}, bob {bob}",
        f"channels   #general {general}, direct message of ada {im}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="servers.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=8600)
    try:
        asyncio.run(serve(parser.parse_args().port))
    except KeyboardInterrupt:
        sys.exit(130)
