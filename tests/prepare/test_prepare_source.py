"""Archives and folders as one listing, and what is refused."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from downloads import arrive, as_folder, as_tar, as_zip

from gsanet.base.errors import GsanetError
from gsanet.prepare.download import open_download

FILES = {"A/b/one.txt": b"first\n", "A/two.bin": b"\0" * 700, "A/c.png": b"not looked at"}


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "folder"])
def test_every_form_lists_and_reads_the_same(form: str, tmp_path: Path) -> None:
    path = arrive(FILES, form, tmp_path, "Download-1.0")
    with open_download([path], tmp_path) as source:
        found = {str(entry): entry for entry in source.entries}
        assert set(found) == {f"Download-1.0/{name}" for name in FILES}
        assert [found[f"Download-1.0/{name}"].read() for name in FILES] == list(FILES.values())
        # Out of order and again: a compressed tar is not read backwards.
        assert found["Download-1.0/A/b/one.txt"].read() == b"first\n"
        assert found["Download-1.0/A/two.bin"].size == 700
        assert (found["Download-1.0/A/c.png"].stem, found["Download-1.0/A/c.png"].suffix) == ("c", ".png")
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name], "no temporary file is left"


def test_several_are_one(tmp_path: Path) -> None:
    one, two = as_zip({"a.txt": b"1"}, tmp_path / "x.zip"), as_folder({"b.txt": b"2"}, tmp_path / "y")
    with open_download([one, two]) as source:
        assert [str(entry) for entry in source.entries] == ["x/a.txt", "y/b.txt"]


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    junk = {"__MACOSX/A/._c.png": b"", "A/.DS_Store": b"", "A/._c.png": b"", "./A/c.png": b"x"}
    with open_download([as_zip(junk, tmp_path / "x.zip")]) as source:
        assert [str(entry) for entry in source.entries] == ["x/A/c.png"]


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "A/../../evil.png", "C:\\evil.png", "A\\..\\evil.png"]
)
@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_members_that_lead_out_are_refused(name: str, form: str, tmp_path: Path) -> None:
    path = arrive({"A/good.png": b"", name: b"evil"}, form, tmp_path, "bad")
    with (
        pytest.raises(GsanetError, match=r"bad\.\S+ holds .*evil\.png.*, which leads out of the archive"),
        open_download([path]),
    ):
        pass


def test_links_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        member = zipfile.ZipInfo("A/link")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        with tarfile.open(tmp_path / "l.tar", "w") as archive:
            link = tarfile.TarInfo("A/link")
            link.type, link.linkname = kind, "../../secret"
            archive.addfile(link)
        with pytest.raises(GsanetError, match=r"l\.tar holds the link 'A/link'"), open_download([tmp_path / "l.tar"]):
            pass
    with pytest.raises(GsanetError, match=r"l\.zip holds the link 'A/link'"), open_download([tmp_path / "l.zip"]):
        pass


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_a_download_that_was_cut_short(form: str, tmp_path: Path) -> None:
    path = arrive({f"A/{i}.bin": bytes(range(256)) * 40 for i in range(4)}, form, tmp_path, "cut")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with (
        pytest.raises(GsanetError, match=r"cut\.\S+ is damaged or incomplete.*download it again") as caught,
        open_download([path]),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_damaged_member_is_told_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("A/one.bin", b"0123456789" * 20)
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456780", 1))
    with (
        open_download([path]) as source,
        pytest.raises(GsanetError, match=r"x/A/one\.bin cannot be read .*download it again"),
    ):
        source.entries[0].read()


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_bytes(b"hello")
    (tmp_path / "empty.zip").write_bytes(b"")
    for path, said in (
        (tmp_path / "gone.zip", "no such file or folder"),
        (tmp_path / "notes.doc", "neither a folder nor an archive"),
        (tmp_path / "empty.zip", "damaged or incomplete"),
    ):
        with pytest.raises(GsanetError, match=said), open_download([path]):
            pass


def test_an_encrypted_zip(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.bin", b"x")
    raw = bytearray(data.getvalue())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    (tmp_path / "e.zip").write_bytes(raw)
    with pytest.raises(GsanetError, match=r"e\.zip is encrypted"), open_download([tmp_path / "e.zip"]):
        pass


def test_a_zip_of_another_method(tmp_path: Path) -> None:
    raw = bytearray(as_zip({"a.bin": b"x" * 99}, tmp_path / "d.zip").read_bytes())
    raw[raw.index(b"PK\x01\x02") + 10] = 9  # Deflate64, which Windows uses for large files
    (tmp_path / "d.zip").write_bytes(raw)
    with pytest.raises(GsanetError, match=r"unpack it and give the folder"), open_download([tmp_path / "d.zip"]):
        pass


def test_links_in_a_users_own_folder_are_followed_but_not_round(tmp_path: Path) -> None:
    as_folder({"a/b.txt": b"x"}, tmp_path / "far")
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far", target_is_directory=True)
    (tmp_path / "far" / "loop").symlink_to(tmp_path / "far", target_is_directory=True)
    with open_download([tmp_path / "near"]) as source:
        assert [str(entry) for entry in source.entries] == ["near/link/a/b.txt"]


def test_a_compressed_tar_is_read_from_many_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    files = {f"A/{i}.bin": bytes([i]) * (100 + i) for i in range(40)}
    with open_download([as_tar(files, tmp_path / "x.tar.gz")], tmp_path) as source, ThreadPoolExecutor(8) as pool:
        read = dict(
            zip([entry.name for entry in source.entries], pool.map(lambda e: e.read(), source.entries), strict=True)
        )
    assert read == {Path(name).name: data for name, data in files.items()}
