"""What all tests share: services of our own, and a brake on the network."""

import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from servers.redis import RedisServer, find_redis_server


def _brake(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail whatever leaves this machine: no test may depend on somebody's server."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if not isinstance(address, tuple):
        return
    host = address[0]
    if host == "localhost":
        return
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise AssertionError(f"a test tried to connect to {host!r}")


sys.addaudithook(_brake)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis; without its binary these tests are skipped, but not in CI."""
    if find_redis_server() is None:
        reason = "no redis-server on PATH (Debian: apt-get install redis-server)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()
