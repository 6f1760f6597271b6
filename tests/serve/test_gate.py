"""The token, at page and service alike; names of options in all three places."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from gsanet.base.errors import GsanetError
from gsanet.cli.app import app
from gsanet.cli.serve import option_words
from gsanet.serve import job_options
from gsanet.serve.gate import Gate, allowed, is_loopback
from gsanet.serve.service import check_host

TOKEN = "a token that is long enough"


async def _inside(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


def ask(*requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """One after the other, as a browser that keeps cookies."""

    async def all_() -> list[httpx.Response]:
        gate = Gate(_inside, TOKEN, 1000, lambda: None, Path("/nowhere"))
        transport = httpx.ASGITransport(app=gate)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://server.example") as client:
            return [await client.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(all_())


def test_without_the_token_there_is_only_a_form_and_whether_it_lives() -> None:
    page, service, docs, health = ask(
        ("GET", "/", {}), ("GET", "/v1/jobs/x", {}), ("GET", "/docs", {}), ("GET", "/v1/health", {})
    )
    assert page.status_code == 401 and "<form" in page.text and "inside" not in page.text
    assert service.status_code == 401 and "Bearer" in service.json()["detail"]
    assert docs.status_code == 401
    assert health.status_code == 200


def test_the_token_in_a_header_the_address_or_the_form() -> None:
    header, wrong = ask(
        ("GET", "/v1/jobs/x", {"headers": {"authorization": f"Bearer {TOKEN}"}}),
        ("GET", "/v1/jobs/x", {"headers": {"authorization": "Bearer guess"}}),
    )
    assert (header.status_code, wrong.status_code) == (200, 401)
    for enter in (
        ("GET", "/?token=a+token+that+is+long+enough&__theme=dark", {}),
        ("POST", "/", {"data": {"token": TOKEN}}),
    ):
        entered, after, service = ask(enter, ("GET", "/", {}), ("GET", "/v1/jobs/x", {}))
        assert entered.status_code == 303 and "token" not in entered.headers["location"]
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
        assert after.text == service.text == "inside"
    (refused,) = ask(("POST", "/", {"data": {"token": "guess"}}))
    assert refused.status_code == 401 and "not the token" in refused.text


def test_other_machines_need_a_token_that_cannot_be_guessed() -> None:
    check_host("127.0.0.1", None)
    check_host("0.0.0.0", TOKEN)
    with pytest.raises(GsanetError, match="needs a --token"):
        check_host("0.0.0.0", None)
    with pytest.raises(GsanetError, match="at least 16"):
        check_host("127.0.0.1", "short")
    assert is_loopback("localhost") and is_loopback("::1") and not is_loopback("127.0.0.1.evil.example")


def test_only_what_the_page_needs_of_gradio_is_there() -> None:
    assert all(allowed(path) for path in ("/", "/gradio_api/queue/join", "/gradio_api/heartbeat/x", "/v1/jobs"))
    assert not any(
        allowed(path) for path in ("/gradio_api/file=/x", "/gradio_api/uploads", "/monitoring", "/login", "//")
    )


def test_every_option_of_the_command_has_one_name() -> None:
    root: Any = typer.main.get_command(app)
    command = {param.name for param in root.commands["segment"].params if param.name != "help"}
    elsewhere = {*job_options.OF_THE_SERVER, *job_options.OF_THE_COMMAND}
    service = set(job_options.DECLARED)
    assert command - elsewhere <= service
    assert not elsewhere & service
    assert command & service <= set(option_words())
    server = {param.name for param in root.commands["serve"].params}
    assert set(job_options.OF_THE_SERVER) - {"flow_weights"} <= server
