"""Connections to the servers of models: kept between calls, by the one event loop that uses them."""

from __future__ import annotations

import asyncio
import importlib
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

    import httpx

_IDLE_SECONDS = 30.0
_IDLE = 32


class Connections:
    """Two clients at the most, made when they are needed: one with TLS and one without.

    They know nothing of who is asked with which key: headers come with each request, no cookies are kept, and
    nothing of the environment is used. Close it in the loop that used it; it can be used again after that.
    """

    def __init__(self) -> None:
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._httpx: Any = None
        self._tls: ssl.SSLContext | None = None

    async def library(self) -> Any:
        """httpx; it costs more than 100 ms to import, and only calls of models and of http.get pay for it."""
        if self._httpx is None:
            self._httpx = await asyncio.to_thread(importlib.import_module, "httpx")
        return self._httpx

    async def client(self, *, tls: bool) -> httpx.AsyncClient:
        """The client for servers with or without TLS."""
        httpx = await self.library()
        if tls and self._tls is None:
            self._tls = await asyncio.to_thread(_tls)
        if self._loop is not asyncio.get_running_loop():  # connections of a loop are of no use to another one
            self._loop, self._clients = asyncio.get_running_loop(), {}
        if tls not in self._clients:
            # no proxies, cookies or credentials from the environment; redirects would carry the key elsewhere
            self._clients[tls] = httpx.AsyncClient(
                verify=self._tls if tls else False,
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                limits=httpx.Limits(
                    max_connections=None, max_keepalive_connections=_IDLE, keepalive_expiry=_IDLE_SECONDS
                ),
            )
        return self._clients[tls]

    async def close(self) -> None:
        """Close what is open."""
        clients, self._clients = self._clients, {}
        if self._loop is asyncio.get_running_loop():
            for client in clients.values():
                await client.aclose()


@cache
def _tls() -> ssl.SSLContext:
    httpx: Any = importlib.import_module("httpx")
    context: ssl.SSLContext = httpx.create_ssl_context()
    return context
