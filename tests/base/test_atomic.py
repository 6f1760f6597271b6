"""Files are written whole or not at all, whatever interrupts the writing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gsanet.base import atomic
from gsanet.base.atomic import ENDING, beside, write_text, written_whole
from gsanet.base.errors import GsanetError


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_what_is_new_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with written_whole(tmp_path / "a.txt") as part:
        part.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old", "a reader sees the old file until the new one is whole"
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_folders_are_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"cannot write .*a\.txt: No such file"):
        write_text(tmp_path / "deep" / "er" / "a.txt", "")
    assert not (tmp_path / "deep").exists()
    write_text(tmp_path / "deep" / "er" / "a.txt", "größer", parents=True)
    assert (tmp_path / "deep" / "er" / "a.txt").read_bytes() == "größer".encode()


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), GsanetError("not this")])
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(type(error)), written_whole(tmp_path / "a.txt") as part:
        part.write_text("half of what is n")
        raise error
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(GsanetError) as caught, written_whole(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise OSError(28, "No space left on device", str(part))
    assert str(caught.value) == f"cannot write {tmp_path / 'a.txt'}: No space left on device"
    assert names(tmp_path) == []


def test_a_folder_in_the_place_of_the_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(GsanetError, match=r"cannot write .*a\.txt: .+") as caught:
        write_text(tmp_path / "a.txt", "new")
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["a.txt"]


def test_threads_do_not_collide(tmp_path: Path) -> None:
    """All hold their halves at the same moment; each file that is read is one of the whole ones."""
    count = 8
    barrier = threading.Barrier(count)
    parts: list[Path] = []

    def write(number: int) -> None:
        with written_whole(tmp_path / "a.txt") as part:
            part.write_text(str(number) * 1000)
            parts.append(part)
            barrier.wait()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(parts)) == count
    written = (tmp_path / "a.txt").read_text()
    assert len(written) == 1000 and len(set(written)) == 1
    assert names(tmp_path) == ["a.txt"]


def test_the_name_tells_process_and_thread_and_is_hidden(tmp_path: Path) -> None:
    name = beside(tmp_path / "a.txt").name
    assert name.startswith(".a.txt.") and str(os.getpid()) in name and name.endswith(ENDING)
    assert beside(tmp_path / "a.txt") != beside(tmp_path / "b.txt")
    assert beside(tmp_path / "a.txt").parent == tmp_path, "renaming works within one file system only"


def test_a_name_as_long_as_a_file_system_takes_can_be_written(tmp_path: Path) -> None:
    write_text(tmp_path / ("n" * 250), "x")
    assert names(tmp_path) == ["n" * 250]


def picture(path: Path) -> None:
    from gsanet.video.images import write_mask

    write_mask(path, np.ones((4, 4), bool))


def vectors(path: Path) -> None:
    from gsanet.flow.vectors import write_vectors

    write_vectors(path.with_suffix(".flo"), np.zeros((4, 4, 2), np.float32))


def result(path: Path) -> None:
    from gsanet.evaluation.result import Result

    Result("a", "davis16", "J&F", [], [], {}).save(path)


def cache(path: Path) -> None:
    from gsanet.data.cache import ArrayCache

    ArrayCache.build(path, [1], lambda value: (np.full((2,), value, np.uint8),), ["a"], [1])


@pytest.mark.parametrize("write", [picture, vectors, result, cache])
def test_every_writer_leaves_nothing_of_a_file_it_cannot_finish(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.Path, "replace", full)
    with pytest.raises(GsanetError, match=r"cannot write .*: No space left on device$"):
        write(tmp_path / "a")
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


@pytest.mark.parametrize("name", ["x" * 251 + ".txt", "字" * 83 + ".txt", "é" * 125 + ".txt"])
def test_the_longest_names(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    assert [file.name for file in tmp_path.iterdir()] == [name]
