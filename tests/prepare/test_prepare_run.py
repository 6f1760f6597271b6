"""What all data sets share: going on, dry runs, refusals, and a result that the rest of the package reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from downloads import as_folder, as_zip, davis, fbms, grey, photo, values

from gsanet.base.errors import GsanetError
from gsanet.data.layout import sequences
from gsanet.evaluation import evaluate
from gsanet.evaluation.files import find_truth
from gsanet.evaluation.protocols import protocol
from gsanet.prepare import DATASETS, prepare_dataset


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and content."""
    return {
        str(file.relative_to(root)): (file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return as_zip(davis(), tmp_path / "DAVIS.zip")


def test_a_second_call_writes_only_what_is_not_there(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = prepare_dataset("davis16", [archive], out)
    assert [(p.outcome.written, p.outcome.kept) for p in first.parts] == [(2, 0), (2, 0)]
    before = snapshot(out)
    lost = ["DAVIS_train/RGB/bear_00001.jpg", "DAVIS_test/goat/GT/00000.png"]
    for name in lost:
        (out / name).unlink()
    half = out / "DAVIS_train" / "GT" / ".bear_00001.png.1-1.part"
    half.write_bytes(b"half")
    again = prepare_dataset("davis16", [archive], out, jobs=1)
    assert [(p.outcome.written, p.outcome.kept) for p in again.parts] == [(1, 1), (1, 1)]
    after = snapshot(out)
    assert {name: data for name, (_, data) in after.items()} == {name: data for name, (_, data) in before.items()}
    assert [name for name in after if after[name] != before[name]] == sorted(lost), "the rest was not touched"


def test_a_run_that_was_stopped_goes_on(archive: Path, tmp_path: Path) -> None:
    prepare_dataset("davis16", [archive], tmp_path / "whole")

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_dataset("davis16", [archive], tmp_path / "out", jobs=1, progress=stop)
    half = snapshot(tmp_path / "out")
    assert len(half) == 4 and not any(".part" in name for name in half), "two pictures and their masks, whole"
    prepare_dataset("davis16", [archive], tmp_path / "out")
    after, whole = snapshot(tmp_path / "out"), snapshot(tmp_path / "whole")
    assert {name: data for name, (_, data) in after.items()} == {name: data for name, (_, data) in whole.items()}
    assert all(after[name] == half[name] for name in half)


def test_a_dry_run_writes_nothing_and_says_what(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = prepare_dataset("davis16", [archive], out, dry_run=True)
    assert not out.exists()
    train, test = report.parts
    assert (train.sequences, train.frames, train.masks, train.to_write) == (1, 2, 2, 2)
    assert train.bytes_to_write == sum(len(photo(seed=i)) for i in (0, 1))
    assert test.outcome.written == 0
    prepare_dataset("davis16", [archive], out)
    (out / "DAVIS_train" / "GT" / "bear_00000.png").unlink()
    train = prepare_dataset("davis16", [archive], out, dry_run=True).parts[0]
    assert (train.to_write, train.bytes_to_write, train.outcome.kept) == (1, 0, 1)


def test_progress_counts_what_is_to_do(archive: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    prepare_dataset("davis16", [archive], tmp_path / "out", progress=lambda *numbers: seen.append(numbers))
    assert seen == [(i, 4) for i in range(5)]


def test_the_wrong_data_set_is_one_line_that_says_what_it_is(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(GsanetError) as caught:
        prepare_dataset("fbms", [archive], tmp_path / "out")
    said = str(caught.value)
    assert "DAVIS.zip is not FBMS-59: expected FBMS_Trainingset.zip" in said and "\n" not in said
    assert "found DAVIS/JPEGImages/480p" in said and said.endswith("it looks like `gsanet prepare davis16`")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", list(DATASETS))
def test_no_data_set_takes_what_is_none(name: str, tmp_path: Path) -> None:
    path = as_zip({"holiday/1.jpg": photo(), "holiday/notes.txt": b"sun"}, tmp_path / "holiday.zip")
    with pytest.raises(GsanetError, match=r"holiday\.zip is not .*: expected .*; found holiday$"):
        prepare_dataset(name, [path], tmp_path / "out")


@pytest.mark.parametrize("name", [name for name in DATASETS if name not in ("davis16", "davis17", "folder")])
def test_davis_is_taken_for_nothing_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match=r"looks like `gsanet prepare davis1[67]`"):
        prepare_dataset(name, [as_zip(davis(2017), tmp_path / "x.zip")], tmp_path / "out")


def test_an_unknown_name(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(GsanetError, match="unknown data set 'davis': choose one of duts, davis16"):
        prepare_dataset("davis", [archive], tmp_path / "out")


def test_pictures_that_cannot_be_read_are_left_out_by_name(tmp_path: Path) -> None:
    files = davis()
    files["DAVIS/JPEGImages/480p/bear/00000.jpg"] = b"no picture"
    files["DAVIS/Annotations/480p/goat/00001.png"] = grey(values(255))[:40]
    report = prepare_dataset("davis16", [as_zip(files, tmp_path / "x.zip")], tmp_path / "out")
    assert [f.name for f in sequences(tmp_path / "out" / "DAVIS_train", need_gt=True)[0].frames] == ["bear_00001"]
    train, test = report.parts
    assert any("x/DAVIS/JPEGImages/480p/bear/00000.jpg cannot be read as a picture" in m for m in train.missing)
    assert any("goat/00001.png cannot be read" in m for m in test.missing)
    assert (train.outcome.written, test.outcome.written) == (1, 1)


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    files = {name: data if name.endswith(".txt") else b"no picture" for name, data in davis().items()}
    with pytest.raises(GsanetError, match=r"none of the 4 pictures could be read; the first: x/DAVIS/JPEGImages"):
        prepare_dataset("davis16", [as_zip(files, tmp_path / "x.zip")], tmp_path / "out")


def test_a_damaged_member_is_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    files = davis()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    raw, bad = path.read_bytes(), files["DAVIS/JPEGImages/480p/goat/00000.jpg"]
    path.write_bytes(raw.replace(bad, bad[:-4] + b"oops"))
    report = prepare_dataset("davis16", [path], tmp_path / "out")
    assert any("goat/00000.jpg cannot be read" in m and "CRC" in m for m in report.parts[1].missing)


def test_other_data_in_the_same_place_are_not_mixed_in(archive: Path, tmp_path: Path) -> None:
    as_folder({"DAVIS_train/RGB/bear_00000.webp": b"small"}, tmp_path / "out")
    with pytest.raises(GsanetError, match=r"DAVIS_train/RGB holds bear_00000\.webp already.*choose another -o"):
        prepare_dataset("davis16", [archive], tmp_path / "out")


def test_output_inside_the_input(tmp_path: Path) -> None:
    folder = as_folder(davis(), tmp_path / "in")
    with pytest.raises(GsanetError, match="lies inside"):
        prepare_dataset("davis16", [folder], folder / "out")


def test_a_place_that_cannot_be_written_to(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GsanetError, match="cannot make the folder"):
        prepare_dataset("davis16", [archive], tmp_path / "file" / "out")


def test_no_room_is_told_before_the_work(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")(1, 1, 0)
    monkeypatch.setattr("gsanet.prepare.writing.shutil.disk_usage", lambda path: usage)
    with pytest.raises(GsanetError, match=r"0\.0 GB free and .* are needed"):
        prepare_dataset("davis16", [archive], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_what_was_prepared_is_evaluated_frame_by_frame(tmp_path: Path) -> None:
    """FBMS, where only some frames are annotated: a perfect prediction of all frames scores 1."""
    prepare_dataset("fbms", [as_zip(fbms(), tmp_path / "FBMS_Testset.zip")], tmp_path / "out")
    root = tmp_path / "out" / "FBMS_test"
    for sequence in sequences(root):
        (tmp_path / "pred" / sequence.name).mkdir(parents=True)
        for frame in sequence.frames:
            mask = frame.gt.read_bytes() if frame.gt else grey(values(0))
            (tmp_path / "pred" / sequence.name / f"{frame.name}.png").write_bytes(mask)
    result = evaluate(tmp_path / "pred", root, protocol_name="fbms").result
    assert {s.name: len(s.frames) for s in result.sequences} == {"camel01": 2, "marple7": 1, "tennis": 1}
    assert result.overall[result.headline] == pytest.approx(1)


def test_the_evaluator_finds_what_was_prepared(archive: Path, tmp_path: Path) -> None:
    prepare_dataset("davis16", [archive], tmp_path / "out")
    truth = find_truth(tmp_path / "out" / "DAVIS_test", protocol("davis16"))
    assert list(truth.sequences) == list(truth.rgb) == ["goat"]
    assert list(truth.sequences["goat"]) == ["00000", "00001"]
