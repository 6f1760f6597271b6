"""What every request must pass, to page and service alike: its host, where it comes from, the token, its size."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from gsanet.serve.body import Body, Message, Receive
from gsanet.serve.limits import RefusedError
from gsanet.serve.login import login_page
from gsanet.serve.page_inputs import JOIN, check_inputs

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "gsanet"

SHORTEST_TOKEN = 16

HEALTH = "/v1/health"
"""Open to those who only ask whether the service lives: it says nothing else to them."""

_JOBS = "/v1/jobs"
"""Its bodies are limited where they are read."""

_PAGE_UPLOAD = "/gradio_api/upload"

HEADERS = 16_384
"""Bytes of all headers of a request."""

_MOST = 1_000_000
"""Bytes of any other body."""

PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/docs", "/redoc", "/openapi.json")
FOLDERS = ("/v1/", "/assets/", "/static/", "/static-offline-docs/")
GRADIO = (
    "app_id", "cancel", "heartbeat/", "queue/data", "queue/join", "reset", "startup-events", "theme.css", "upload",
    "upload_progress",
)  # fmt: skip
"""What the page needs of Gradio's own service. What is not here is not there: its ``file=`` and ``proxy=``, say, would
show files and fetch addresses."""

_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-ancestors 'none'; "
        "form-action 'self'; base-uri 'self'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Gate:
    """An ASGI application around another.

    Args:
        token: who knows it may come in; None lets in everybody who is on this machine.
        most: bytes of an upload through the page.
        room: called before each of these; raises :class:`RefusedError` where there is no place for it.
        uploads: where these lie.
    """

    def __init__(self, app: App, token: str | None, most: int, room: Callable[[], None], uploads: Path) -> None:
        self._app, self._token, self._most, self._room, self._uploads = app, token, most, room, uploads
        self._cookie = (
            "" if token is None else hmac.new(secrets.token_bytes(32), token.encode(), hashlib.sha256).hexdigest()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope)
        try:
            if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS:
                raise RefusedError(f"the headers of a request may have {HEADERS} bytes", 431)
            self._check_host(request)
            check_origin(request)
            if not allowed(request.path):
                raise RefusedError("not found", 404)
            known = self._token is None or self._known(request)
            if known and request.path == _PAGE_UPLOAD:
                self._room()
            limit = self._limit(request)
        except RefusedError as error:
            await refuse(error, receive, send)
            return
        if not known:
            await self._enter(request, receive, send)
            return
        if request.path.rstrip("/") == JOIN:
            body = await Body(receive).read(_MOST)
            try:
                check_inputs(body, self._uploads)
            except RefusedError as error:
                await _refused(error, send)
                return
            receive = _again(body, receive)
        await self._app(scope, receive if limit is None else _counted(receive, limit), _with_headers(send))

    def _limit(self, request: _Request) -> int | None:
        """Bytes that a body may have; None where it is counted as it is read.

        Raises:
            RefusedError: it says itself that it has more.
        """
        if request.path == _JOBS:
            return None
        most = self._most if request.path == _PAGE_UPLOAD else _MOST
        said = request.header("content-length")
        if said.isdecimal() and int(said) > most:
            raise RefusedError(f"the request is larger than {most / 1e6:g} MB, which this server takes", 413)
        return most

    def _check_host(self, request: _Request) -> None:
        """A page of somebody else's, whose name is made to lead to this machine, must not speak to the service. With a
        token it cannot: it does not know it."""
        try:
            host = urlsplit(f"//{request.header('host')}").hostname or ""
        except ValueError:
            raise RefusedError("the Host header makes no sense") from None
        if self._token is None and not is_loopback(host):
            raise RefusedError(f"this server does not answer for {host[:80]!r}: use 127.0.0.1 or localhost", 421)

    def _known(self, request: _Request) -> bool:
        if request.path == HEALTH:
            return True
        kind, _, given = request.header("authorization").partition(" ")
        if kind.lower() == "bearer" and self._is_token(given.strip()):
            return True
        return hmac.compare_digest(request.cookie(COOKIE), self._cookie)

    def _is_token(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    async def _enter(self, request: _Request, receive: Receive, send: Send) -> None:
        """The token, from the address or from the form of the login page, becomes a cookie."""
        if request.path != "/":
            await refuse(
                RefusedError("a token is needed: send it as `Authorization: Bearer TOKEN`", 401), receive, send
            )
            return
        query = parse_qs(request.query)
        given = query.get("token", [""])[0]
        if request.method == "POST":
            given = parse_qs((await Body(receive).read(_MOST)).decode("utf-8", "replace")).get("token", [""])[0]
        if not self._is_token(given):
            await _answer(
                send, 401, login_page(wrong=bool(given)).encode(), {"content-type": "text/html; charset=utf-8"}
            )
            return
        secure = "; Secure" if request.secure else ""
        others = urlencode({key: value for key, value in query.items() if key != "token"}, doseq=True)
        await _answer(
            send,
            303,
            b"",
            {
                "location": f"/?{others}" if others else "/",
                "set-cookie": f"{COOKIE}={self._cookie}; Path=/; HttpOnly; SameSite=Strict{secure}",
            },
        )


class _Request:
    def __init__(self, scope: Scope) -> None:
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.query = scope.get("query_string", b"").decode("latin-1")
        self.secure = scope.get("scheme") == "https"
        self._headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}

    def header(self, name: str) -> str:
        return str(self._headers.get(name, ""))

    def cookie(self, name: str) -> str:
        try:
            found = SimpleCookie(self.header("cookie")).get(name)
        except CookieError:
            return ""
        return "" if found is None else str(found.value).encode("ascii", "replace").decode()


def allowed(path: str) -> bool:
    """Whether there is something at *path*, as far as the page and the service need it."""
    if path.startswith("/gradio_api/"):
        rest = path.removeprefix("/gradio_api/").rstrip("/")
        return rest in GRADIO or rest.startswith(tuple(name for name in GRADIO if name.endswith("/")))
    return path in PAGES or path.startswith(FOLDERS)


def check_origin(request: _Request) -> None:
    """A page of another site may not send anything, though the browser would let it.

    Raises:
        RefusedError: 403.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.header("origin")
    if request.header("sec-fetch-site") in ("cross-site", "same-site") or (
        origin and urlsplit(origin).netloc.lower() != request.header("host").lower()
    ):
        raise RefusedError("requests from pages of other sites are refused", 403)


def is_loopback(host: str) -> bool:
    """Whether a name or number of a host means this machine and is not to be reached from others."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def refuse(error: RefusedError, receive: Receive, send: Send) -> None:
    """Answer with one line of JSON, after reading the rest of the body."""
    await Body(receive).drain()
    await _refused(error, send)


async def _refused(error: RefusedError, send: Send) -> None:
    headers = {"content-type": "application/json"}
    if error.after is not None:
        headers["retry-after"] = str(error.after)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    await _answer(send, error.status, json.dumps({"detail": str(error)}).encode(), headers)


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    told = [(name.encode(), value.encode()) for name, value in {**_HEADERS, **headers}.items()]
    told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def _again(body: bytes, receive: Receive) -> Receive:
    """*body*, which was read already, and then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _counted(receive: Receive, most: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            return {"type": "http.disconnect"}
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            have = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in have]
            message["headers"] = [*message["headers"], *more]
        await send(message)

    return sending
