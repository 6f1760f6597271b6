"""The parts of the page that show a job, as HTML. All that comes from outside is escaped."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from gsanet.serve.job import ServedJob
from gsanet.serve.page_look import EMPTY

_CAPTIONS = {
    "frame": "Original",
    "overlay": "What was found",
    "flow": "Motion, as colours",
    "slots": "Slot maps: object and not background; of the frame above, of its motion below",
}

_KNOWN = {
    "overlay.mp4": "Overlay video",
    "alpha.webm": "Cut-out video",
    "masks.zip": "Masks",
    "coco.json": "COCO",
    "composite.mp4": "On the background",
    "composite.webm": "On the background",
    "summary.json": "Summary",
}
"""What the results are called for people, in the order of the page."""


def status(told: dict[str, Any]) -> str:
    """One line and a bar about a job, as the desk tells it."""
    state, progress = told["state"], told["progress"]
    done, total, speed = progress["frames"], progress["total"], progress["frames_per_second"]
    if state == "failed":
        return message(str(told["error"]))
    if state == "cancelled":
        return '<div class="status" role="status">Cancelled.</div>'
    if state == "waiting":
        before = told["waiting_before"] or 0
        return _bar("Waiting", f"{before} before it" if before else "next in the queue", None)
    if state == "done":
        notes = "".join(f'<p class="note">{escape(line)}</p>' for line in told["warnings"])
        return _bar(f"Done: {done} frame{'s' * (done != 1)}", _speed(speed), 1.0) + notes
    left = progress["seconds_left"]
    right = " · ".join(part for part in (_speed(speed), "" if left is None else f"{_clock(left)} left") if part)
    if not total:
        return _bar("Looking at the clip", right, None)
    return _bar(f"Frame {done} of {total}", right, done / total)


def message(text: str) -> str:
    """Something that went wrong, in the place of the status."""
    return f'<div class="status" role="alert"><span class="error">{escape(text)}</span></div>'


def viewer(job: ServedJob) -> str:
    """Pictures of one frame side by side, with a slider over the frames that can be looked at; the newest at first."""
    frames = [[number, round(time, 3)] for number, time in list(job.views.items())]
    if not frames:
        return EMPTY
    number, time = frames[-1] if not job.over else frames[0]
    figures = "".join(
        f'<figure><img data-view="{name}" alt="{escape(caption)}" src="/v1/jobs/{job.id}/views/{number}/{name}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for name, caption in _CAPTIONS.items()
    )
    place = len(frames) - 1 if not job.over else 0
    return (
        f'<div class="viewer" data-job="{job.id}" data-frames="{escape(json.dumps(frames))}" data-time="{time}" '
        f'data-width="{job.width}" data-height="{job.height}"><div class="views">{figures}</div>'
        f'<div class="scrub"><input type="range" min="0" max="{len(frames) - 1}" value="{place}" '
        f'aria-label="Frame"><output>frame {number} · {time:.2f} s</output></div></div>'
    )


def downloads(told: dict[str, Any]) -> str:
    """Links to the results, and the overlay to be played."""
    found = {one["name"]: one for one in told["results"]}
    if not found:
        return ""
    names = [name for name in _KNOWN if name in found] + [name for name in found if name not in _KNOWN]
    links = "".join(
        f'<a href="{escape(found[name]["url"])}" download>{escape(_KNOWN.get(name, name) or name)}'
        f"<small>{_size(found[name]['bytes'])}</small></a>"
        for name in names
    )
    film = found.get("overlay.mp4")
    shown = f'<video class="watch" src="{escape(film["url"])}" controls playsinline></video>' if film else ""
    return f'<div class="downloads">{links}</div>{shown}'


def _bar(left: str, right: str, share: float | None) -> str:
    width = "" if share is None else f' style="width:{100 * share:.1f}%"'
    kind = " unknown" if share is None else ""
    return (
        f'<div class="status" role="status"><div class="line"><span>{escape(left)}</span><span>{escape(right)}</span>'
        f'</div><div class="bar{kind}"><i{width}></i></div></div>'
    )


def _speed(speed: float | None) -> str:
    return "" if speed is None else f"{speed:.1f} frames per second"


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, size // 1000)} kB"
