"""Where calls may connect to: public addresses, hosts that the operator lists, and no more than a layer says.

A host is resolved here, every address it has is checked, and connections go to checked addresses alone: a
name that resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urlsplit

from engine.contracts.status import StepErrorCode
from engine.tools.failure import ToolFailure, invalid_input, not_found, permission_denied

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.tools.context import ToolLimits

T = TypeVar("T")

MOST_CONNECTING_SECONDS = 3.0
"""How long an address is waited for while there is another one."""
_DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_NAT64 = ip_network("64:ff9b::/96")


def checked_url(text: str) -> SplitResult:
    """Raises ToolFailure(invalid_input) for anything but a plain http or https URL."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise invalid_input(f"{text!r} is not a URL: {error}") from error
    if url.scheme not in _DEFAULT_PORTS or not url.hostname or port == 0:
        raise invalid_input(f"{text!r} is not an http or https URL")
    if "@" in url.netloc:
        raise invalid_input("a URL may not hold a user name or password; send them as a header")
    if any(ord(character) <= 32 or ord(character) == 127 for character in text):
        raise invalid_input("a URL may not hold spaces or control characters")
    return url


async def checked_addresses(url: SplitResult, limits: ToolLimits) -> tuple[IPv4Address | IPv6Address, ...]:
    """The addresses of the host, at least one. Raises ToolFailure when one of them is refused."""
    host, port = url.hostname or "", port_of(url)
    require_listed(host, port, limits)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            raise ToolFailure(
                StepErrorCode.TEMPORARY, f"cannot resolve the host {host!r} now", recoverable=True
            ) from error
        raise not_found(f"there is no host {host!r}") from error
    addresses = tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
    listed = {*_names(host), _with_port(host, port)} & set(map(_plain, limits.allowed_private_hosts))
    for address in addresses:
        if not listed and not is_public(address):
            raise permission_denied(
                f"{host!r} is at the private or reserved address {address}; "
                "list the host in the setting tools.allowed_private_hosts to allow it"
            )
    return addresses


async def at_first_reached(
    url: SplitResult,
    addresses: Sequence[IPv4Address | IPv6Address],
    seconds: float,
    ask: Callable[[str, float | None], Awaitable[T]],
    unreached: tuple[type[Exception], ...],
) -> T:
    """What `ask` brings from the first address that lets itself be connected to.

    It is given the URL at an address, and the seconds in which the connection has to come about: a part of
    the `seconds` of the whole call, for the last address no limit of its own. It raises one of `unreached`
    when none came about, so nothing was sent. Raises what it raises of the last address.
    """
    *before, last = addresses
    for address in before:
        with suppress(*unreached):
            return await ask(_pinned(url, address), min(MOST_CONNECTING_SECONDS, seconds / len(addresses)))
    return await ask(_pinned(url, last), None)


def require_listed(host: str, port: int, limits: ToolLimits) -> None:
    """Raises ToolFailure(permission_denied) for a host that the pack's tools layer does not name; one that it
    names without a port is reached at the usual ones."""
    if limits.hosts is None:
        return
    usual = port in _DEFAULT_PORTS.values()
    reached = {_with_port(host, port), *(_names(host) if usual else ())}
    if reached.isdisjoint(limits.hosts):
        listed, told = ", ".join(sorted(limits.hosts)) or "no host", host if usual else _with_port(host, port)
        raise permission_denied(f"{told!r} is out of reach: the pack's tools layer lets it reach {listed}")


def _plain(host: str) -> str:
    """A host as it is compared."""
    return host.casefold().rstrip(".")


def _names(host: str) -> set[str]:
    """How a list may name a host at any port: an IPv6 address also in brackets, as a URL has it."""
    name = _plain(host)
    return {name, f"[{name}]"} if ":" in name else {name}


def _with_port(host: str, port: int) -> str:
    """As a list names a host at a port: without brackets an IPv6 address and a port are another address."""
    name = _plain(host)
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is on the public internet, also behind IPv6 forms that carry an IPv4 address."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        carried = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if carried is not None:
            return is_public(carried)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def port_of(url: SplitResult) -> int:
    """Its port, else that of its scheme."""
    return url.port or _DEFAULT_PORTS[url.scheme]


def _pinned(url: SplitResult, address: IPv4Address | IPv6Address) -> str:
    """The URL with the address in place of the host; the host is told by header and by TLS."""
    literal = f"[{address}]" if address.version == 6 else str(address)
    return url._replace(netloc=f"{literal}:{port_of(url)}", fragment="").geturl()
