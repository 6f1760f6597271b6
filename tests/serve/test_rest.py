"""The service as a client sees it: a clip in, results out."""

from __future__ import annotations

import io
import json
import runpy
import sys
import zipfile
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from serve_client import SMALL, finished, post

EXAMPLE = Path(__file__).parents[2] / "examples" / "client.py"


@pytest.fixture(scope="module")
def picture(tiny_frames: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(tiny_frames[0]).save(file, "PNG")
    return file.getvalue()


def test_from_upload_to_results(client: httpx.Client, tiny_clip: Path, tmp_path: Path) -> None:
    accepted = post(client, tiny_clip, {**SMALL, "save": ["overlay", "masks", "coco"], "end": 0.5})
    assert accepted.status_code == 202
    told = accepted.json()
    assert accepted.headers["location"] == f"/v1/jobs/{told['id']}"
    assert told["name"] == "tiny.mp4" and told["options"]["size"] == 64 and told["options"]["flow_size"] == 448
    over = finished(client, told["id"])
    assert over["state"] == "done" and over["error"] is None
    assert over["progress"]["frames"] == over["progress"]["total"] == 6
    assert [one["name"] for one in over["results"]] == ["coco.json", "masks.zip", "overlay.mp4", "summary.json"]
    files = {one["name"]: client.get(one["url"]) for one in over["results"]}
    assert all(len(files[one["name"]].content) == one["bytes"] for one in over["results"])
    with zipfile.ZipFile(io.BytesIO(files["masks.zip"].content)) as masks:
        assert masks.namelist() == [f"masks/{i:05d}.png" for i in range(6)]
        with Image.open(masks.open("masks/00000.png")) as mask:
            assert mask.size == (96, 64)
    assert len(json.loads(files["coco.json"].content)["images"]) == 6
    with av.open(io.BytesIO(files["overlay.mp4"].content)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 6
    assert files["overlay.mp4"].headers["content-disposition"] == 'inline; filename="tiny-overlay.mp4"'
    summary = files["summary.json"].text
    assert "gsanet-serve" not in summary and json.loads(summary)["source"] == "clip.mp4", "no path of the server"
    part = client.get(f"/v1/jobs/{told['id']}/results/overlay.mp4", headers={"range": "bytes=0-9"})
    assert part.status_code == 206 and len(part.content) == 10
    assert client.delete(f"/v1/jobs/{told['id']}").status_code == 204
    assert client.get(f"/v1/jobs/{told['id']}").status_code == 404


def test_a_picture_on_a_background_that_came_with_it(client: httpx.Client, picture: bytes) -> None:
    form = {"file": ("cat.jpeg", picture), "background": ("beach.png", picture)}
    options = {"size": 64, "save": ["composite"]}
    accepted = client.post("/v1/jobs", files=form, data={"options": json.dumps(options)}).json()
    assert accepted["options"]["background"] == "file"
    over = finished(client, accepted["id"])
    assert (over["state"], over["progress"]["frames"]) == ("done", 1)
    assert "composite.mp4" in [one["name"] for one in over["results"]]


def test_a_result_is_asked_for_too_early_or_by_a_wrong_name(client: httpx.Client, tiny_clip: Path) -> None:
    id = post(client, tiny_clip).json()["id"]
    assert client.get(f"/v1/jobs/{id}/results/overlay.mp4").status_code in (200, 409)
    finished(client, id)
    for name in ("nothing.mp4", "..%2f..%2fclip.mp4", "%2Fetc%2Fpasswd", "clip.mp4", "."):
        assert client.get(f"/v1/jobs/{id}/results/{name}").status_code == 404, name
    assert client.get(f"/v1/jobs/{id}/views/0/frame").status_code == 404, "nobody watches it"


def test_health_and_the_page_that_explains(client: httpx.Client) -> None:
    health = client.get("/v1/health").json()
    assert health["status"] == "ok" and set(health) == {"status", "version", "waiting", "running", "kept"}
    page = client.get("/docs").text
    assert 'src="/static-offline-docs/' in page and "cdn" not in page
    described = client.get("/openapi.json").json()
    form = described["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    options = form["properties"]["options"]["properties"]
    assert options["quality"]["description"].startswith("Better masks")
    assert "hint" in options and "model" not in options


def test_the_example(
    address: str, tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["client.py", address, str(tiny_clip), str(tmp_path / "out"), json.dumps(SMALL)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert (tmp_path / "out" / "overlay.mp4").stat().st_size > 100
    assert "done" in capsys.readouterr().out
