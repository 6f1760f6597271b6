"""Results on the net: there with their summary, or not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from small import loaded, make_clip, written

from gsanet.base.errors import GsanetError
from gsanet.scale import store as stores
from gsanet.scale.run import plan_batch
from gsanet.scale.store import MARK, FolderStore, NetStore, is_address, open_store
from gsanet.scale.task import Batch, Task
from gsanet.scale.worker import ClipWorker
from gsanet.segment import segment_to_folder
from gsanet.segment.planning import keep_finished
from gsanet.video.named import named
from gsanet.video.trimmed import Span


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Iterator[NetStore]:
    """A place on the net that is in memory."""
    monkeypatch.setattr(stores, "_PAUSE", 0.0)
    files = fsspec.filesystem("memory")
    yield NetStore("memory://bucket/masks")
    files.rm("/bucket", recursive=True) if files.exists("/bucket") else None


def made(folder: Path, *names: str) -> Path:
    for name in (*names, "summary.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"versions": {}, "of": name}))
    return folder


def files(store: NetStore) -> list[str]:
    fs = fsspec.filesystem("memory")
    return sorted(path.removeprefix("/bucket/masks/") for path in fs.find("/bucket/masks"))


def test_what_is_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [is_address(out) for out in ("s3://bucket/x", "memory://x", "gs://b")] == [True] * 3
    assert [is_address(out) for out in ("out", "/tmp/a:b", "C:\\out", "a//b")] == [False] * 4
    monkeypatch.chdir(tmp_path)
    Path("s3:").mkdir()
    Path("s3:/bucket").mkdir()
    assert isinstance(open_store("s3://bucket"), FolderStore), "what is on disk under just that name comes first"


def test_the_summary_comes_last_and_goes_first(net: NetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path / "a", "masks/00000.png", "overlay.mp4")
    seen = []
    fs = type(fsspec.filesystem("memory"))
    put, drop = fs.put_file, fs.rm_file
    monkeypatch.setattr(
        fs, "put_file", lambda self, here, there, **o: (seen.append(there), put(self, here, there, **o))
    )
    monkeypatch.setattr(fs, "rm_file", lambda self, path: (seen.append(f"-{path}"), drop(self, path)))
    net.put(folder, "a")
    assert [name.rpartition("/")[2] for name in seen] == ["00000.png", "overlay.mp4", "summary.json", MARK]
    assert files(net) == ["a/masks/00000.png", "a/overlay.mp4", "a/summary.json"]
    assert net.summaries(["a", "gone"]) == {"a": {"versions": {}, "of": "summary.json"}}
    seen.clear()
    net.put(made(tmp_path / "b", "masks/00001.png"), "a")
    assert seen[0] == "-/bucket/masks/a/summary.json"
    assert files(net) == ["a/masks/00001.png", "a/summary.json"], "nothing of before is left"


def test_broken_off_it_is_not_there_and_is_made_anew(
    net: NetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path / "a", "masks/00000.png", "masks/00001.png")
    fs = type(fsspec.filesystem("memory"))
    put = fs.put_file

    def killed(self: object, here: str, there: str, **options: object) -> None:
        if there.endswith("00001.png"):
            raise KeyboardInterrupt
        put(self, here, there, **options)

    monkeypatch.setattr(fs, "put_file", killed)
    with pytest.raises(KeyboardInterrupt):
        net.put(folder, "a")
    assert files(net) == [f"a/{MARK}", "a/masks/00000.png"]
    assert net.unfinished("a") and net.summaries(["a"]) == {}
    clip = make_clip(tmp_path / "clips" / "a", 2)
    batch = Batch(net.out)
    (job,) = plan_batch([named(clip)], batch, Span())
    assert job.folder == Path("a") and job.made is None
    monkeypatch.setattr(fs, "put_file", put)
    net.put(folder, "a")
    assert files(net) == ["a/masks/00000.png", "a/masks/00001.png", "a/summary.json"]


def test_what_is_not_ours_is_refused(net: NetStore, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe_file("/bucket/masks/a/thesis.doc", b"mine")
    with pytest.raises(GsanetError, match="masks/a exists and was not made by gsanet segment"):
        plan_batch([named(make_clip(tmp_path / "a", 2))], Batch(net.out), Span())


def test_what_fails_for_a_moment_is_tried_again(net: NetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = type(fsspec.filesystem("memory"))
    put, failures = fs.put_file, [OSError("503 slow down")] * 3

    def flaky(self: object, here: str, there: str, **options: object) -> None:
        if failures:
            raise failures.pop()
        put(self, here, there, **options)

    monkeypatch.setattr(fs, "put_file", flaky)
    net.put(made(tmp_path / "a"), "a")
    assert files(net) == ["a/summary.json"]
    failures += [OSError("503 slow down\nmore")] * 4
    with pytest.raises(GsanetError, match=r"^memory://bucket/masks cannot be read or written: 503 slow down$"):
        net.put(made(tmp_path / "b"), "b")


def test_unknown_places_are_one_line() -> None:
    with pytest.raises(GsanetError, match="nowhere://x is no place that results can go to"):
        open_store("nowhere://x")


def test_a_clip_goes_there_as_into_a_folder_and_is_kept_the_next_time(
    net: NetStore, tmp_path: Path, batch: Batch
) -> None:
    clip = make_clip(tmp_path / "clips" / "a", 5)
    batch = replace(batch, out=net.out, save=("masks", "overlay"))
    worker = ClipWorker(batch)
    (job,) = plan_batch([named(clip)], batch, Span())
    result = worker.run(Task(0, job), lambda done, total: None)
    assert (result.state, result.frames) == ("done", 5), result.error
    here = segment_to_folder(clip, tmp_path / "local", segmenter=loaded(), save=batch.save)
    fs = fsspec.filesystem("memory")
    fs.get("/bucket/masks/a", str(tmp_path / "fetched"), recursive=True)
    assert written(tmp_path / "fetched") == written(here)

    with pytest.raises(GsanetError, match="masks/a exists already: --resume"):
        plan_batch([named(clip)], batch, Span())
    resumed = replace(batch, existing="resume")
    (job,) = plan_batch([named(clip)], resumed, Span())
    (kept,) = keep_finished([job], worker.description, batch.save)
    assert kept.finished
    (clip / "00004.png").unlink()
    (job,) = plan_batch([named(clip)], resumed, Span())
    assert job.problem and "has changed since memory://bucket/masks/a was made of it" in job.problem


def test_a_file_of_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "out")
    with pytest.raises(RuntimeError), store.written(".a.pieces/x/0.npz") as file:
        file.write_text("half")
        raise RuntimeError
    assert not store.has(".a.pieces/x/0.npz") and not list((tmp_path / "out").rglob("*.*z*"))
    with store.written(".a.pieces/x/0.npz") as file:
        file.write_text("whole")
    assert store.fetch(".a.pieces/x/0.npz", tmp_path).read_text() == "whole"
    store.remove(".a.pieces")
    assert store.names() == set()
