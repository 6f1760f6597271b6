"""The page: a clip is dropped, watched, and its cut-out taken. Built with Gradio, on the same desk as the service."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from anyio import to_thread
from fastapi import FastAPI

from gsanet.base.errors import GsanetError
from gsanet.serve import page_parts as parts
from gsanet.serve.desk import Desk
from gsanet.serve.job import ServedJob
from gsanet.serve.job_options import DECLARED, wanted
from gsanet.serve.limits import RefusedError
from gsanet.serve.page_look import CSS, EMPTY, HEAD, HERO
from gsanet.video.sample_clip import sample_clip

_SAVE = ["overlay", "alpha", "masks", "coco"]

_BACKGROUNDS = ["none", "blur", "colour", "picture"]

_PAUSE = 0.5
"""Seconds between two looks at a job."""

Shown = tuple[Any, ...]
"""Status, viewer, downloads, the job's id, and the two buttons."""


def mount_page(app: FastAPI, desk: Desk, uploads: Path, words: Mapping[str, str]) -> None:
    """Put the page at ``/``.

    Args:
        uploads: where Gradio keeps what was dropped.
        words: what each option means.
    """
    theme = gr.themes.Soft(
        primary_hue="orange", neutral_hue="slate", font=["system-ui", "sans-serif"], font_mono=["monospace"]
    )
    gr.mount_gradio_app(
        app,
        build_page(desk, uploads, words),
        path="/",
        theme=theme,
        css=CSS,
        head=HEAD,
        allowed_paths=[],
        max_file_size=desk.limits.bytes,
        show_error=False,
        ssr_mode=False,
        footer_links=[],
        enable_monitoring=False,
        run_history=False,
    )


def build_page(desk: Desk, uploads: Path, words: Mapping[str, str]) -> Any:
    """The page as Gradio has it. Arguments as :func:`mount_page`."""
    hinted = "hint" in DECLARED

    async def run(
        file: str | None,
        quality: str,
        threshold: float,
        hint: str,
        background: str,
        colour: str,
        picture: str | None,
        last: str,
    ) -> AsyncIterator[Shown]:
        async for shown in _run(file or last, quality, threshold, hint, background, colour, picture):
            yield shown

    async def sample(
        quality: str, threshold: float, background: str, colour: str, picture: str | None
    ) -> AsyncIterator[Shown]:
        async for shown in _run("sample", quality, threshold, "", background, colour, picture):
            yield shown

    async def _run(
        source: str, quality: str, threshold: float, hint: str, background: str, colour: str, picture: str | None
    ) -> AsyncIterator[Shown]:
        try:
            values: dict[str, Any] = {"quality": quality, "threshold": threshold, "save": list(_SAVE)}
            if hint.strip():
                values["hint"] = hint.strip()
            if background != "none":
                values["save"].append("composite")
            if background in ("blur", "colour"):
                values["background"] = "blur" if background == "blur" else _hex(colour)
            behind = picture if background == "picture" else None
            if background == "picture" and not picture:
                raise RefusedError("choose a picture for the background")
            job = await to_thread.run_sync(_hand_in, desk, uploads, source, behind, values)
        except GsanetError as error:
            yield (parts.message(str(error)), gr.skip(), gr.skip(), "", *_buttons(False), gr.skip())
            return
        before = None
        while True:
            told = desk.tell(job)
            seen = (told["state"], len(job.views))
            views = parts.viewer(job) if seen != before else gr.skip()
            results = parts.downloads(told) if job.over else ""
            last = "sample" if source == "sample" else ""
            yield (parts.status(told), views, results, job.id, *_buttons(not job.over), last)
            before = seen
            if job.over:
                return
            await asyncio.sleep(_PAUSE)

    def stop(id: str) -> None:
        job = desk.find(id)
        if job is not None:
            desk.cancel(job)

    with gr.Blocks(title="gsanet", analytics_enabled=False, delete_cache=None) as page:
        gr.HTML(HERO)
        id_, last = gr.State(""), gr.State("")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                file = gr.File(label="A clip or a picture", file_count="single", type="filepath", height=170)
                quality = gr.Radio(
                    ["fast", "balanced", "best"], value="balanced", label="Quality", info=_first(words, "quality")
                )
                threshold = gr.Slider(
                    0.05,
                    0.95,
                    value=0.5,
                    step=0.05,
                    label="Threshold",
                    info="Less finds more, more leaves out what is doubtful.",
                    elem_id="threshold",
                )
                background = gr.Radio(_BACKGROUNDS, value="none", label="Put it on another background")
                colour = gr.ColorPicker("#20c040", label="Colour", visible=False)
                picture = gr.File(
                    label="Picture or video behind it", file_count="single", type="filepath", height=120, visible=False
                )
                hint = gr.Textbox(
                    "",
                    label="Which object? (optional)",
                    info="Click on it in a frame, or type x,y@seconds. Empty: all that is prominent.",
                    elem_id="hint",
                    visible=hinted,
                )
                with gr.Row():
                    go = gr.Button("Find the object", variant="primary", elem_id="go")
                    cancel = gr.Button("Cancel", variant="stop", interactive=False, elem_id="cancel")
                try_sample = gr.Button("Try it with the sample clip", elem_id="sample", size="sm")
            with gr.Column(scale=4, min_width=320):
                status = gr.HTML("", elem_id="status")
                views = gr.HTML(EMPTY, elem_id="views")
                results = gr.HTML("", elem_id="results")
        background.change(
            lambda kind: (gr.update(visible=kind == "colour"), gr.update(visible=kind == "picture")),
            background,
            [colour, picture],
            show_progress="hidden",
            api_visibility="private",
        )
        shown = [status, views, results, id_, go, try_sample, cancel, last]
        often: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
        go.click(run, [file, quality, threshold, hint, background, colour, picture, last], shown, **often)
        try_sample.click(sample, [quality, threshold, background, colour, picture], shown, **often)
        cancel.click(stop, id_, None, **often)
    return page.queue(max_size=4 * desk.limits.queue, default_concurrency_limit=None)


def _hand_in(desk: Desk, uploads: Path, source: str, behind: str | None, values: dict[str, Any]) -> ServedJob:
    """Copy what was dropped into a job's folder, by links where that can be.

    Raises:
        GsanetError: nothing was dropped, or it is refused.
    """
    if not source:
        raise RefusedError("drop a clip first, or try the sample")
    clip = sample_clip() if source == "sample" else _dropped(uploads, source)
    other = _dropped(uploads, behind) if behind else None
    size = clip.stat().st_size + (other.stat().st_size if other else 0)
    if size > desk.limits.bytes:
        raise RefusedError(f"the upload is larger than {desk.limits.megabytes:g} MB, which this server takes", 413)
    chosen = wanted(values, background_file=other is not None)
    with desk.place(watch=True) as job:
        copies = [job.folder / name for name in ("file.part", "background.part")]
        for file, copy in zip((clip, other), copies, strict=True):
            if file is not None:
                _copied(file, copy)
        desk.submit(job, copies[0], name=clip.name, wanted=chosen, background=copies[1] if other else None)
    return job


def _dropped(uploads: Path, name: str) -> Path:
    """A file that was dropped on the page.

    Raises:
        RefusedError: it is something else, or was removed.
    """
    file = Path(name).resolve()
    if not file.is_relative_to(uploads.resolve()) or not file.is_file():
        raise RefusedError("the upload is not there any more: drop it again", 410)
    return file


def _copied(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy)
    except OSError:
        shutil.copyfile(file, copy)


def _buttons(working: bool) -> tuple[Any, Any, Any]:
    return gr.update(interactive=not working), gr.update(interactive=not working), gr.update(interactive=working)


def _hex(colour: str) -> str:
    """Gradio's colour picker says ``#20c040`` or ``rgba(32, 192, 64, 1)``, with parts of a whole number."""
    if not colour.startswith("rgb"):
        return colour
    numbers = [round(float(part)) for part in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    return "#" + "".join(f"{number:02x}" for number in numbers)


def _first(words: Mapping[str, str], name: str) -> str:
    return words.get(name, "").split("\n")[0]
