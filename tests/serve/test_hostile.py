"""Requests that mean no good: each is a clear 4xx, and the service goes on."""

from __future__ import annotations

import json
import socket
import struct
import time
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from serve_client import SMALL, post

from gsanet.video import VideoWriter

TEXT = b"This is no film at all.\n" * 40
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
SCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n(/etc/passwd) (r) file pop showpage\n"


def bomb(side: int) -> bytes:
    """A PNG that says it is *side* pixels wide and high, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def alive(client: httpx.Client) -> None:
    assert client.get("/v1/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (TEXT, 422), (b"", 422), (PLAYLIST, 422), (CONCAT, 422), (SCRIPT, 422), (bomb(60_000), 422), (bomb(8000), 413),
        (b"RIFF" + b"\xff" * 5000, 422),
    ],
    ids=["text", "empty", "playlist", "concat", "script", "bomb", "large", "noise"],
)  # fmt: skip
def test_files_that_are_none(client: httpx.Client, content: bytes, status: int) -> None:
    for name in ("holiday.mp4", "../../../etc/cron.d/x.png"):
        answer = client.post("/v1/jobs", files={"file": (name, content)})
        assert answer.status_code == status
        assert "\n" not in answer.json()["detail"] and "/tmp" not in answer.json()["detail"]
    alive(client)


def test_a_film_cut_off_or_too_long(client: httpx.Client, tiny_clip: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.mp4"
    half.write_bytes(tiny_clip.read_bytes()[: tiny_clip.stat().st_size // 2])
    assert post(client, half).status_code == 422
    long = tmp_path / "long.mp4"
    from fractions import Fraction

    import numpy as np

    with VideoWriter(long, Fraction(1)) as writer:
        for i in range(30):
            writer.write(np.full((32, 32, 3), i, np.uint8))
    answer = post(client, long)
    assert answer.status_code == 413 and "start and end choose a part" in answer.json()["detail"]


@pytest.mark.parametrize(
    "options",
    [
        {"model": "/etc/passwd"}, {"flow": "/etc"}, {"flow_weights": "/etc/passwd"}, {"background": "/etc/passwd"},
        {"background": "http://127.0.0.1/x"}, {"size": 10**9}, {"scales": [2] * 9}, {"out": "/tmp"}, {"save": ["all"]},
        {"hint": "x"}, {"start": -1}, [1], "text", None,
    ],
    ids=str,
)  # fmt: skip
def test_options_that_reach_for_more(client: httpx.Client, tiny_clip: Path, options: Any) -> None:
    form = {"file": ("a.mp4", tiny_clip.read_bytes())}
    answer = client.post("/v1/jobs", files=form, data={"options": json.dumps(options)})
    assert answer.status_code == 422 and answer.json()["detail"]


def test_forms_that_are_none(client: httpx.Client, tiny_clip: Path) -> None:
    content = tiny_clip.read_bytes()
    cases: list[tuple[int, httpx.Response]] = [
        (415, client.post("/v1/jobs", content=content)),
        (415, client.post("/v1/jobs", json={"file": "/etc/passwd"})),
        (422, client.post("/v1/jobs", files={"options": (None, "{}")})),
        (422, client.post("/v1/jobs", files={"file": ("a", content)}, data={"options": "{"})),
        (422, client.post("/v1/jobs", files={"file": ("a", content)}, data={"options": "[" * 60_000})),
        (400, client.post("/v1/jobs", files={"../../x": ("a", content)})),
        (400, client.post("/v1/jobs", files=[("file", ("a", content)), ("file", ("b", content))])),
        (400, client.post("/v1/jobs", files=[(f"f{i}", (None, "1")) for i in range(40)])),
        (
            400,
            client.post(
                "/v1/jobs", content=b"--x\r\nnonsense", headers={"content-type": "multipart/form-data; boundary=x"}
            ),
        ),
        (413, client.post("/v1/jobs", files={"file": ("a", bytes(4_000_000))})),
        (400, client.post("/v1/jobs", files={"file": ("a", content), "options": (None, "x" * 100_000)})),
        (404, client.put("/v1/jobs", content=b"x")),
        (404, client.get("/v1/jobs/AAAAAAAAAAAAAAAAAAAAAAAA")),
        (404, client.delete("/v1/jobs/..%2f..%2fx")),
        (413, client.post("/gradio_api/queue/join", content=bytes(2_000_000))),
        (413, client.post("/gradio_api/upload", files={"files": ("a", bytes(4_000_000))})),
    ]
    assert [answer.status_code for _, answer in cases] == [status for status, _ in cases]
    alive(client)


def test_who_comes_from_elsewhere(client: httpx.Client) -> None:
    assert client.get("/v1/health", headers={"host": "evil.example:7860"}).status_code == 421
    assert client.post("/v1/jobs", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/v1/jobs", headers={"origin": "null"}).status_code == 403
    assert client.post("/v1/jobs", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_huge_headers_and_uploads_cut_off(address: str, client: httpx.Client) -> None:
    assert client.get("/v1/health", headers={"x": "y" * 100_000}).status_code == 431
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as one:
        one.sendall(f"GET /v1/health HTTP/1.1\r\nHost: {parts.netloc}\r\nx: ".encode())
        for _ in range(10):
            time.sleep(0.01)  # so that they come in pieces
            one.sendall(b"y" * 10_000)
        one.sendall(b"\r\n\r\n")
        assert one.recv(1000).startswith(b"HTTP/1.1 431")
    try:  # so many that nobody reads them to their end: the answer may come, or the connection is cut off
        assert client.get("/v1/health", headers={"x": "y" * 4_000_000}).status_code == 400
    except httpx.TransportError as error:
        assert isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
    alive(client)
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        "Content-Length: 5000\r\n\r\n--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nabc"
    )
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as one:
        one.sendall(head.encode())
        one.shutdown(socket.SHUT_WR)
        answer = one.recv(1000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    whole = b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nabc"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    cut = client.post("/v1/jobs", content=whole, headers=kind)
    assert cut.status_code == 400 and "cut off" in cut.json()["detail"]
    assert client.get("/v1/health").json()["waiting"] == 0, "its place is free again"


def test_too_many_are_told_to_come_back(client: httpx.Client, tiny_clip: Path) -> None:
    answers = [post(client, tiny_clip, {**SMALL, "size": 512, "scales": [2, 1.9]}) for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    assert len(accepted) >= 4
    for id in accepted:
        assert client.delete(f"/v1/jobs/{id}").status_code == 204
    assert client.get("/v1/health").json()["waiting"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "file=/etc/passwd", "file=http://127.0.0.1:1/x", "file/etc/passwd", "proxy=http://127.0.0.1:1/x", "info",
        "component_server", "run/predict", "call/x", "deep_link", "stream/a/b/1/playlist.m3u8", "dev/reload", "runs",
        "custom_component/1/client/component/x.js", "token",
    ],
)  # fmt: skip
def test_what_gradio_could_do_besides(client: httpx.Client, path: str) -> None:
    assert client.get(f"/gradio_api/{path}").status_code == 404
    assert client.post(f"/gradio_api/{path}").status_code == 404


def test_the_page_is_given_a_file_of_the_server(client: httpx.Client) -> None:
    config = client.get("/config").json()
    functions = [one for one in config["dependencies"] if len(one["inputs"]) == 8]
    assert len(functions) == 1
    reaching: list[dict[str, Any]] = [
        {"path": "/etc/passwd"}, {"path": "x", "url": "http://127.0.0.1:1/x"}, {"path": "http://127.0.0.1:1/x"},
        {"url": "http://127.0.0.1:1/x"}, {"path": ["/etc/passwd"]},
    ]  # fmt: skip
    for number, told in enumerate(reaching):
        file = {**told, "meta": {"_type": "gradio.FileData"}}
        body = {
            "data": [file, "fast", 0.5, "", "none", "#000000", None, None],
            "fn_index": functions[0]["id"],
            "session_hash": f"s{number}",
        }
        answer = client.post("/gradio_api/queue/join", json=body)
        assert answer.status_code == 403, told
    assert client.post("/gradio_api/queue/join", content=b"{").status_code == 400
    health = client.get("/v1/health").json()
    assert health["waiting"] == health["running"] == 0
