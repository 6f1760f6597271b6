"""Page and service as one application, and the server that runs it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.serve.desk import PAGE, Desk
from gsanet.serve.gate import HEADERS, SHORTEST_TOKEN, App, Gate, is_loopback
from gsanet.serve.limits import Limits
from gsanet.serve.rest import rest, say
from gsanet.serve.work import Engine

_ABOUT = (
    "Any video in, the mask of its prominent object out. Hand in a clip, ask until it is done, fetch the results. "
    "The options are those of `gsanet segment` and of Python, under the same names."
)

_HELD = 16 * HEADERS
"""Bytes of headers held until they are whole. Above it, uvicorn closes the connection with what still comes unread, and
the client may see a reset in place of an answer; up to it, the gate says that they are too long."""


def application(
    desk: Desk, *, token: str | None = None, page: bool = True, words: Mapping[str, str] | None = None
) -> App:
    """An ASGI application. It starts *desk* when it starts, and closes it at its end.

    Args:
        token: who knows it may come in; None: everybody on this machine.
        page: with the page; without, only the REST service.
        words: what each option means, for the pages.
    """
    # Its Swagger UI comes from the package: FastAPI's own is fetched from elsewhere.
    from fastapi_offline import FastAPIOffline

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        desk.start()
        yield
        await to_thread.run_sync(desk.close)

    app: FastAPI = FastAPIOffline(
        title="gsanet", version=__version__, description=_ABOUT, lifespan=life, docs_url="/docs", redoc_url=None
    )
    app.add_exception_handler(GsanetError, say)
    app.include_router(rest(desk, words or {}))
    uploads = desk.root / PAGE
    if page:
        uploads.mkdir(exist_ok=True)
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        from gsanet.serve.page import mount_page

        mount_page(app, desk, uploads, words or {})
    return Gate(app, token, desk.limits.bytes + 100_000, desk.room_for_pages, uploads)


def check_host(host: str, token: str | None) -> None:
    """Others than this machine are only let in with a token.

    Raises:
        GsanetError: there is none, or it can be guessed.
    """
    if token is None and not is_loopback(host):
        raise GsanetError(
            f"--host {host} can be reached from other machines, and needs a --token: whoever knows it may come in"
        )
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise GsanetError(f"a token must have at least {SHORTEST_TOKEN} signs, or it is soon guessed")


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    token: str | None = None,
    limits: Limits | None = None,
    engine: Engine | None = None,
    page: bool = True,
    words: Mapping[str, str] | None = None,
    said: Callable[[str], object] = print,
) -> None:
    """Run until Ctrl-C or SIGTERM; then jobs are ended and all files removed.

    Args:
        said: is given the address when the server listens.

    Raises:
        GsanetError: the host needs a token, or the port is taken.
    """
    import uvicorn

    check_host(host, token)
    desk = Desk(limits, engine)
    try:
        settings: dict[str, Any] = {
            "log_level": "critical", "server_header": False, "h11_max_incomplete_event_size": _HELD,
            "http": "h11", "ws": "none", "timeout_graceful_shutdown": 3, "timeout_keep_alive": 20,
        }  # fmt: skip
        app = application(desk, token=token, page=page, words=words)

        class Server(uvicorn.Server):
            async def startup(self, sockets: Any = None) -> None:
                await super().startup(sockets)
                for one in self.servers[:1]:
                    said(_address(host, one.sockets[0].getsockname()[1]))

        server = Server(uvicorn.Config(app, host=host, port=port, **settings))
        server.run()
        if not server.started:
            raise GsanetError(f"cannot listen on {host}:{port}: is it taken? --port chooses another")
    except SystemExit:
        raise GsanetError(f"cannot listen on {host}:{port}: is it taken? --port chooses another") from None
    finally:
        desk.close()


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
