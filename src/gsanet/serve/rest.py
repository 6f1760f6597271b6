"""The REST service: jobs in, results out. Its page is ``/docs``."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from gsanet.base.errors import GsanetError
from gsanet.base.version import __version__
from gsanet.serve.body import Body
from gsanet.serve.desk import Desk
from gsanet.serve.job import ServedJob
from gsanet.serve.job_options import schema, wanted
from gsanet.serve.limits import RefusedError
from gsanet.serve.uploads import Form, receive_form
from gsanet.serve.views import VIEWS, view_file

_FILES = ("file", "background")

_MORE = 100_000
"""Bytes that a form may have beside what is in it."""

_SEEN = ".mp4", ".webm", ".jpg", ".json"
"""Endings of results that a browser shows; others it saves."""


def rest(desk: Desk, words: Mapping[str, str]) -> APIRouter:
    """The routes of ``/v1``.

    Args:
        words: what each option means, for the page that explains the service.
    """
    router = APIRouter(prefix="/v1")

    @router.get("/health", tags=["service"])
    async def health() -> dict[str, Any]:
        """Whether it lives, and how much it has to do."""
        return {"status": "ok", "version": __version__, **desk.counts()}

    @router.post("/jobs", status_code=202, tags=["jobs"], openapi_extra=_described(words), responses=_told())
    async def create(request: Request) -> JSONResponse:
        """Hand in a clip.

        A form of up to three parts: `file`, a video or picture; `options`, JSON; and `background`, a picture or video
        for behind the object in the result `composite`.
        """
        body = Body(request.receive)
        try:
            with desk.place() as job:
                form = await receive_form(
                    body,
                    request.headers.get("content-type", ""),
                    job.folder,
                    files=_FILES,
                    most=desk.limits.bytes + _MORE,
                )
                await to_thread.run_sync(_submit, desk, job, form)
        except GsanetError:
            await body.drain()  # or whoever still sends would not see the answer
            raise
        return JSONResponse(desk.tell(job), 202, {"location": f"/v1/jobs/{job.id}"})

    @router.get("/jobs/{id}", tags=["jobs"], responses=_told(404))
    async def look(id: str) -> dict[str, Any]:
        """State, progress, options, warnings, and the names of the results when it is done."""
        return desk.tell(_found(desk, id))

    @router.delete("/jobs/{id}", status_code=204, tags=["jobs"], responses=_told(404))
    async def delete(id: str) -> Response:
        """Stop it where it is, and remove its upload and results."""
        await to_thread.run_sync(desk.remove, _found(desk, id))
        return Response(status_code=204)

    @router.get("/jobs/{id}/results/{name}", tags=["jobs"], response_class=FileResponse, responses=_told(404, 409))
    async def result(id: str, name: str) -> FileResponse:
        """A result; parts of it too (`Range`)."""
        job = _found(desk, id)
        file = job.result(name)
        if file is None:
            if not job.over:
                raise RefusedError(f"the job is {job.state}: its results are there when it is done", 409)
            raise RefusedError(f"the job has no result of that name; it has {', '.join(job.results) or 'none'}", 404)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        stem = job.name.rpartition(".")[0] or job.name
        placed = "inline" if name.endswith(_SEEN) else "attachment"
        return FileResponse(file, media_type=kind, filename=f"{stem}-{name}", content_disposition_type=placed)

    @router.get("/jobs/{id}/views/{number}/{name}", include_in_schema=False)
    async def view(id: str, number: int, name: str) -> FileResponse:
        """A small picture of one frame, for the page."""
        job = _found(desk, id)
        if name not in VIEWS or number not in job.views:
            raise RefusedError("there is no such picture", 404)
        return FileResponse(view_file(job.looks, number, name), media_type="image/jpeg")

    return router


async def say(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that cannot be carried out."""
    status = error.status if isinstance(error, RefusedError) else 422
    after = error.after if isinstance(error, RefusedError) else None
    return JSONResponse({"detail": str(error)}, status, None if after is None else {"retry-after": str(after)})


def _found(desk: Desk, id: str) -> ServedJob:
    job = desk.find(id)
    if job is None:
        raise RefusedError("there is no job of that id; jobs are removed some time after their end", 404)
    return job


def _submit(desk: Desk, job: ServedJob, form: Form) -> None:
    unknown = sorted(set(form.fields) - {"options"})
    if unknown:
        raise RefusedError(f"the form has a part {unknown[0][:40]!r}; there are file, options and background", 422)
    if "file" not in form.files:
        raise RefusedError("the form has no file in a part called file", 422)
    try:
        values = json.loads(form.fields.get("options") or b"{}")
    except (ValueError, RecursionError):
        raise RefusedError('options must be JSON, such as {"quality": "best"}', 422) from None
    if not isinstance(values, dict):
        raise RefusedError('options must be an object of JSON, such as {"quality": "best"}', 422)
    chosen = wanted(values, background_file="background" in form.files)
    desk.submit(
        job, form.files["file"], name=form.names["file"], wanted=chosen, background=form.files.get("background")
    )


def _described(words: Mapping[str, str]) -> dict[str, Any]:
    file = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
    body = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": file, "options": schema(words), "background": file},
    }
    encoding = {"options": {"contentType": "application/json"}}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": body, "encoding": encoding}}}
    }


def _told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    said = {
        400: "The form is damaged or was cut off.",
        404: "There is no such job or result.",
        409: "The job is not done yet.",
        413: "It is too large or too long, or its frames are.",
        415: "It is no form.",
        422: "The file cannot be read, or an option is wrong.",
        429: "Too many jobs wait; `Retry-After` says for how many seconds.",
    }
    return {status: {"description": said[status]} for status in statuses or (400, 413, 415, 422, 429)}
