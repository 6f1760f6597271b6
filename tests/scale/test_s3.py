"""Results on S3, by a server of its protocol on this machine.

Not installed with the tests: pip install s3fs 'moto[s3]' flask flask-cors
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from small import different, loaded, make_clip, run_here, written

from gsanet.base.errors import GsanetError
from gsanet.scale.run import plan_batch
from gsanet.scale.task import Batch
from gsanet.segment import segment_to_folder
from gsanet.video.named import named
from gsanet.video.trimmed import Span


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer(
        port=0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of nobody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    if files.exists("bucket"):  # what a server keeps belongs to the process
        files.rm("bucket", recursive=True)
    files.mkdir("bucket")
    yield "s3://bucket/masks"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("piece", [None, 6], ids=["whole", "in pieces"])
def test_a_batch_goes_there_and_is_kept_the_next_time(
    bucket: str, piece: int | None, tmp_path: Path, batch: Batch
) -> None:
    clip = make_clip(tmp_path / "clips" / "a", 14)
    batch = replace(batch, out=bucket, piece=piece)
    (outcome,), tasks = run_here(batch, clip)
    assert (outcome.state, outcome.frames) == ("done", 14), outcome.error
    assert (len(tasks) > 2) == (piece is not None)
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    assert {name.split("/")[2] for name in files.find("bucket")} == {"a"}, "pieces and marks are removed"
    files.get("bucket/masks/a", str(tmp_path / "fetched"), recursive=True)
    here = written(segment_to_folder(clip, tmp_path / "local", segmenter=loaded(), save=batch.save))
    assert different(here) > 10 and written(tmp_path / "fetched") == here

    with pytest.raises(GsanetError, match="masks/a exists already: --resume"):
        plan_batch([named(clip)], batch, Span())
    (outcome,), tasks = run_here(replace(batch, existing="resume"), clip)
    assert (outcome.state, tasks) == ("kept", [])
