"""The report: one file, nothing asked from anywhere, and a browser that shows it."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from discs import LENGTHS, SIZE, disc
from PIL import Image

from gsanet.evaluation import Evaluation, Result, evaluate
from gsanet.evaluation.report import write_report
from gsanet.evaluation.report.overlays import FALSE, MISSED, TRUE, most_different, paint, rank
from gsanet.evaluation.report.page import render
from gsanet.evaluation.report.plots import Series, difference_bar, histogram, over_time

VOID_TAGS = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Checks that tags close in order and collects ids, links, pictures and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"]] if values.get("id") else []
        self.links += [values["href"]] if values.get("href") else []
        self.pictures += [values["src"]] if values.get("src") else []
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def ours(pred: Path, gt: Path) -> Evaluation:
    return evaluate(pred, gt, "ours <1>", stability=True)


@pytest.fixture
def theirs(worse: Path, gt: Path) -> Evaluation:
    return evaluate(worse, gt, "theirs", stability=True)


def test_one_file_that_asks_for_nothing(ours: Evaluation, theirs: Evaluation, tmp_path: Path) -> None:
    write_report([ours, theirs], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text)
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert str(tmp_path) not in text
    for picture in page.pictures:
        kind, _, data = picture.partition(";base64,")
        assert kind == "data:image/jpeg"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (SIZE[1], SIZE[0])
    assert len(page.pictures) >= 8
    assert "ours <1> against theirs" in page.text
    assert "beyond chance" in page.text
    for name in LENGTHS:
        assert f"s-{name}" in page.ids


def test_numbers_and_choices_are_on_the_page(ours: Evaluation) -> None:
    page = Page(render([ours]))
    for column in ("J&F", "J", "F", "stability"):
        assert f"{100 * ours.result.overall[column]:.1f}" in page.text
    for sentence in ours.result.choices:
        assert sentence in page.text
    assert "Side by side" not in page.text


def test_warnings_are_shown_and_escaped(ours: Evaluation) -> None:
    ours.result.warnings.append("duck: <b>odd</b>")
    assert "duck: <b>odd</b>" in Page(render([ours])).text


HOSTILE = '<script>alert("x")</script>'


def test_hostile_names_are_text_and_nothing_else(gt: Path, pred: Path, worse: Path) -> None:
    """Names of runs, sequences, frames, classes, and what is said of them."""
    runs = []
    for folder, name in ((pred, f"{HOSTILE} one"), (worse, '\'onmouseover="alert(2)" & two')):
        run = evaluate(folder, gt, name, protocol_name="youtube-objects", stability=True)
        run.result.warnings.append(f"{HOSTILE} warned")
        run.result.choices.append(f"{HOSTILE} chosen by {name}")
        run.result.facts |= {"device": f"{HOSTILE} device", "gsanet": f"{HOSTILE} version"}
        run.result.classes = {f"{HOSTILE} class": run.result.overall}
        for i, sequence in enumerate(run.result.sequences):
            hostile = f"{HOSTILE}{i}"
            run.files[i] = replace(run.files[i], name=hostile)
            for kind in (run.files[i].gt, run.files[i].pred, run.files[i].rgb):
                kind |= {f"<b>{frame}": path for frame, path in kind.items()}
            sequence.name, sequence.frames = hostile, [f"<b>{frame}" for frame in sequence.frames]
        runs.append(run)
    for shown in (runs, runs[:1]):
        text = render(shown)
        page = Page(text)
        assert len(re.findall("<script", text)) == 1, "the page's own"
        assert "<b><" not in text and "<b>0" not in text and 'onmouseover="' not in text
        assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
        for part in ("one", "warned", "chosen", "device", "version", "class"):
            assert f"{HOSTILE} {part}" in page.text, part
        assert f"{HOSTILE}0" in page.text and "<b>00000" in page.text


def test_a_run_from_json_has_no_pictures_but_compares(ours: Evaluation, theirs: Evaluation, tmp_path: Path) -> None:
    theirs.result.save(tmp_path / "theirs.json")
    loaded = Result.load(tmp_path / "theirs.json")
    assert "against theirs" in Page(render([ours, loaded])).text
    assert Page(render([loaded])).pictures == []


@pytest.mark.parametrize("protocol", ["fbms", "youtube-objects", "vsod"])
def test_other_protocols_have_a_report_too(pred: Path, gt: Path, worse: Path, protocol: str) -> None:
    if protocol == "vsod":
        pytest.importorskip("py_sod_metrics", reason="pysodmetrics is not installed (extra eval)")
    runs = [evaluate(folder, gt, protocol_name=protocol) for folder in (pred, worse)]
    page = Page(render(runs))
    assert runs[0].result.headline in page.text
    assert page.pictures


def test_overlay_colours_say_what_is_right() -> None:
    gt, pred = disc(30, 24, 10), disc(36, 24, 10)
    painted = paint(pred, gt, None).astype(int)
    for region, colour in ((pred & gt, TRUE), (pred & ~gt, FALSE), (gt & ~pred, MISSED)):
        assert np.abs(painted[region] - colour).max() < 30
    assert len(np.unique(painted[~(pred | gt)])) == 1
    wide = paint(np.tile(pred, (1, 20)), np.tile(gt, (1, 20)), None)
    assert wide.shape[1] == 480


def test_frames_are_ranked_apart(ours: Evaluation, theirs: Evaluation) -> None:
    worst = rank(ours.result, 3, each=1, apart=2)
    assert len({r.sequence for r in worst}) == 3
    values = [np.mean([s.values["J"], s.values["F"]], axis=0).min() for s in ours.result.sequences]
    assert sorted(r.value for r in worst) == pytest.approx(sorted(values))
    assert worst[0].value <= worst[1].value
    ours.result.sequences[0].areas = [0.0] * len(ours.result.sequences[0].frames)
    assert all(r.sequence != "duck" for r in rank(ours.result, 8, best=True))
    apart = most_different(theirs.result, ours.result, 2)
    assert abs(apart[0].value) >= abs(apart[1].value) > 0


def test_plots_hold_any_number_of_frames() -> None:
    for count in (1, 2, 300):
        frames = [f"{i:05d}" for i in range(count)]
        drawn = over_time([Series("J", "m-j", [0.5] * count)], frames, "t")
        assert drawn.count("<polyline") == (count > 1)
        assert drawn.count("<circle") == (count == 1)
        attribute = re.search('data-frames="([^"]*)"', drawn)
        assert attribute and json.loads(unescape(attribute[1])) == frames
    assert "nan" not in histogram([Series("J", "run0", [1.0]), Series("K", "run1", [0.0])], "t")
    assert 'class="loss"' in difference_bar(-0.1, 0.2)
    assert "nan" not in difference_bar(0.0, 0.0)


def chromium() -> str:
    found = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    if found is None:
        pytest.skip("no chromium installed")
    return found


@pytest.mark.slow
def test_a_browser_shows_it(ours: Evaluation, theirs: Evaluation, tmp_path: Path) -> None:
    """In a real browser at the width of a phone: the script runs, a click sorts, nothing overflows."""
    browser = chromium()
    probe = """<script>addEventListener("load", () => {
      const heads = document.querySelectorAll("table.sortable thead th");
      heads[3].click();
      const plot = document.querySelector("svg.time"), box = plot.getBoundingClientRect();
      plot.dispatchEvent(new PointerEvent("pointermove", {clientX: box.right - 1, clientY: box.top + 5}));
      const root = document.documentElement;
      root.dataset.order = [...document.querySelectorAll("table.sortable tbody th")].map((t) => t.textContent).join();
      root.dataset.readout = document.querySelector(".readout").textContent;
      root.dataset.overflow = root.scrollWidth - root.clientWidth;
      root.dataset.broken = [...document.images].filter((i) => i.complete && !i.naturalWidth).length;
    });</script>"""
    path = tmp_path / "probe.html"
    path.write_text(render([ours, theirs]).replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=390,900"]
    done = subprocess.run([*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120)
    html = re.search(r"<html[^>]*>", done.stdout)
    assert html, done.stderr[-500:]
    data = dict(re.findall(r'data-(\w+)="([^"]*)"', html.group()))
    scores = {s.name: s.summary["J&F"] for s in ours.result.sequences}
    assert data["order"] == ",".join(sorted(scores, key=lambda name: -scores[name]))
    assert unescape(data["readout"]).startswith("frame 00007: ours <1> ")
    assert int(data["overflow"]) <= 0
    assert data["broken"] == "0"
