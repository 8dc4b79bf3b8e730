"""Who asked: addresses, own networks, and who stands behind proxies."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tools_wording import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DISTINCT = 50_000
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_OWN = tuple(
    (ipaddress.ip_network(network), words)
    for words, networks in (
        ("this machine", "127.0.0.0/8 ::1/128"),
        (
            "a private address: looks like your own proxy or network",
            "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        ),
        (
            "a link-local address: your own network or the cloud's metadata service",
            "169.254.0.0/16 fe80::/10",
        ),
        ("an address that a carrier shares among its customers", "100.64.0.0/10"),
        ("reserved: no host has it", "0.0.0.0/8 224.0.0.0/3 ff00::/8 ::/128 64:ff9b::/96"),
    )
    for network in networks.split()
)


def read_address(raw: bytes) -> _Address | None:
    """The address in `1.2.3.4:80`, `[::1]:80`, `::ffff:1.2.3.4` (which is 1.2.3.4)."""
    if b"." not in raw and b":" not in raw:
        return None
    text = raw.decode("latin-1").strip(' ",')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def own_reason(address: _Address) -> str | None:
    """Whose address it is when it is nobody's in the internet."""
    return next((words for network, words in _OWN if address in network), None)


def read_networks(written: Sequence[str], what: str) -> list[Network]:
    """Addresses and networks as a person wrote them. Raises ValueError; `what` names the parameter."""
    try:
        return [ipaddress.ip_network(text.strip(), strict=False) for text in written if text.strip()]
    except ValueError as error:
        raise ValueError(f"{what}: {error}; write addresses or networks as 198.51.100.0/24") from None


class Clients:
    """Tells who asked, also behind proxies: their own word is taken, nobody else's."""

    def __init__(self, proxies: list[Network]) -> None:
        self._proxies = proxies
        self.who = lru_cache(maxsize=MAX_DISTINCT)(self._who)

    def _who(self, first: bytes, second: bytes, forwarded: bytes) -> str:
        peer, other = read_address(first), read_address(second)
        with_port = re.search(rb":\d+$", first) is not None
        if other is not None and (peer is None or (with_port and b":" not in second)):
            peer = other  # the log begins with the virtual host
        if peer is None:
            return as_text(second if with_port and second not in {b"", b"-"} else first)
        hops = [hop for hop in map(read_address, forwarded.split(b",")) if hop is not None]
        while hops and self._is_proxy(peer):
            peer = hops.pop()
        return str(peer)

    def _is_proxy(self, address: _Address) -> bool:
        return own_reason(address) is not None or any(address in network for network in self._proxies)
