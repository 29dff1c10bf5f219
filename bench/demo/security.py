"""Around every answer: only who was meant to may ask, and a page may load nothing but what this server has."""

import re
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class SecurityMiddleware:
    """hosts: the names under which the server may be asked, or None for any.

    A page of somebody else could give its own name the address 127.0.0.1 and read the answers; its requests carry that
    name as their Host.
    """

    def __init__(self, app: ASGIApp, hosts: set[str] | None) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app: Any = self.app
        host = Headers(scope=scope).get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            app = PlainTextResponse(f"this server does not answer to the name {host[:80]!r}.\n", status_code=400)
        await app(scope, receive, guarded)


def _name(host: str) -> str:
    """The name of a Host header, without port: 127.0.0.1:8000, [::1]:8000. Empty for what is no such header."""
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]]*)(?::[0-9]+)?", host.lower(), re.ASCII)
    return match[1] if match else ""
