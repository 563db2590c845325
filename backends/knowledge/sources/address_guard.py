"""Which addresses a fetch may go to: none that only this network can reach.

The name is resolved once, the answer is checked, and the connection goes to that very
address, so a name server cannot give another answer for the connection.
"""

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(OSError):
    """An address is private, loopback, link-local or otherwise not for everybody."""


class GuardedResolver(AbstractResolver):
    """Gives no answer that holds an address which is not public."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answers = await self._inner.resolve(host, port, family)
        for answer in answers:
            require_public(ipaddress.ip_address(answer["host"].split("%")[0]), host)
        return answers

    async def close(self) -> None:
        await self._inner.close()


def require_public_literal(host: str) -> None:
    """The same for a URL that names an address itself: no resolver is asked then."""
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return
    require_public(address, host)


def require_public(address: Address, host: str) -> None:
    """Raises `AddressRefused`."""
    if not is_public(address):
        where = f"{host} is" if host == str(address) else f"{host} is at {address},"
        raise AddressRefused(
            f"{where} not a public address; set `allow_private` for this source if "
            "that is meant"
        )


def is_public(address: Address) -> bool:
    """Also of the IPv4 address that an IPv6 one may stand for."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast
