"""The body of a request, chunk by chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

_DRAINED = 64_000_000
"""Bytes of a refused body that are read and thrown away, so that whoever sends it comes to see the answer."""


class Body:
    """Reads it once; what is left can be thrown away.

    Attributes:
        cut_off: whoever sent it has gone before its end.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False
        self.cut_off = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._ended:
            message = await self._receive()
            self.cut_off = message["type"] != "http.request"
            self._ended = self.cut_off or not message.get("more_body")
            yield message.get("body", b"")

    async def read(self, most: int) -> bytes:
        """All of it, or the first *most* bytes and a little more."""
        whole = b""
        async for chunk in self:
            whole += chunk
            if len(whole) > most:
                break
        return whole

    async def drain(self) -> None:
        """Read the rest, up to a limit."""
        seen = 0
        async for chunk in self:
            seen += len(chunk)
            if seen > _DRAINED:
                break
