"""``gsanet prepare`` as a user types it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typed import gsanet

from gsanet.data.layout import sequences


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """DAVIS-2016 in miniature: two sequences of three frames, and a list that promises one more."""
    path = tmp_path / "DAVIS-data.zip"
    with zipfile.ZipFile(path, "w") as z:
        for sequence in ("bear", "goat"):
            for i in range(3):
                for kind, ending, mode in (("JPEGImages", "jpg", "RGB"), ("Annotations", "png", "L")):
                    pixels = np.full((8, 12, 3)[: 3 if mode == "RGB" else 2], 255 * (i % 2), np.uint8)
                    buffer = io.BytesIO()
                    Image.fromarray(pixels).save(buffer, format="JPEG" if ending == "jpg" else "PNG")
                    z.writestr(f"DAVIS/{kind}/480p/{sequence}/{i:05d}.{ending}", buffer.getvalue())
        z.writestr("DAVIS/ImageSets/480p/train.txt", "/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png")
        z.writestr("DAVIS/ImageSets/480p/val.txt", "goat\ncamel\n")
    return path


def test_from_a_zip_to_sequences(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    assert gsanet(monkeypatch, "prepare", "davis16", archive, "-o", out, "--json", tmp_path / "r.json") == 0
    said = capsys.readouterr()
    (goat,) = sequences(out / "DAVIS_test", need_gt=True)
    assert (goat.name, [frame.name for frame in goat.frames]) == ("goat", ["00000", "00001", "00002"])
    assert [s.name for s in sequences(out / "DAVIS_train", need_gt=True)] == ["bear"]
    rows = [line.split() for line in said.out.splitlines()[:3]]
    assert rows[0] == ["sequences", "frames", "masks", "written", "kept", "empty", "resized"]
    assert rows[2] == ["DAVIS_test", "1", "3", "3", "3", "0", "2", "0"]
    assert f"gsanet score lite --data {out / 'DAVIS_test'} --protocol davis16" in said.out
    assert "warning: DAVIS_test: 1 missing: sequence camel" in said.err
    assert "warning: DAVIS_train: 1 sequences, published are 30" in said.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["parts"][1]["missing"] == ["sequence camel"]
    assert report["parts"][1]["outcome"]["empty"] == ["goat/00000", "goat/00002"]


def test_again_keeps_and_dry_run_only_tells(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    assert gsanet(monkeypatch, "prepare", "davis16", archive, "-o", out, "--dry-run") == 0
    assert "dry run: nothing was written" in capsys.readouterr().out and not out.exists()
    assert gsanet(monkeypatch, "prepare", "davis16", archive, "-o", out, "--jobs", 1) == 0
    capsys.readouterr()
    assert gsanet(monkeypatch, "prepare", "davis16", archive, "-o", out) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[4:] == ["0", "3", "0", "0"]


def test_nothing_usable_is_one_line_and_exit_code_1(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.write_bytes(archive.read_bytes()[:2000])
    for words in (("davis16", archive), ("duts", tmp_path / "gone.zip"), ("nothing", archive)):
        assert gsanet(monkeypatch, "prepare", *words, "-o", tmp_path / "data") == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("gsanet: ")
    assert not (tmp_path / "data").exists()
