"""``gsanet serve``: the page and the REST service."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from gsanet.cli import options as opt
from gsanet.cli.app import app, command
from gsanet.cli.commands import register

# Typer reads annotations at run time on every supported Python.
# ruff: noqa: UP045

WHERE, LIMITS = "Where", "Limits"


@command(
    "gsanet serve",
    "gsanet serve --port 8000 --jobs 2 --keep 15",
    "gsanet serve --host 0.0.0.0 --token new",
)
def serve(
    host: Annotated[
        str,
        typer.Option(
            help="Listen here. Others than this machine reach it only if you name another address, and need --token.",
            metavar="ADDRESS",
            rich_help_panel=WHERE,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port.", metavar="N", rich_help_panel=WHERE)
    ] = 7860,
    token: Annotated[
        Optional[str],
        typer.Option(
            envvar="GSANET_TOKEN",
            help="Let in only those who know it: at least 16 signs, or `new` for one that is made and shown. "
            "The variable GSANET_TOKEN says it too.",
            metavar="TOKEN",
            show_default="none: everybody on this machine",
            rich_help_panel=WHERE,
        ),
    ] = None,
    page: Annotated[
        bool,
        typer.Option("--page/--no-page", help="Serve the page, or the REST service alone.", rich_help_panel=WHERE),
    ] = True,
    jobs: Annotated[
        int,
        typer.Option(
            min=1, help="Do so many jobs at once; one keeps all processors busy.", metavar="N", rich_help_panel=LIMITS
        ),
    ] = 1,
    queue: Annotated[
        int,
        typer.Option(
            min=1, help="Let so many wait; more are told to come back later.", metavar="N", rich_help_panel=LIMITS
        ),
    ] = 32,
    keep: Annotated[
        float,
        typer.Option(
            help="Remove results, and what was uploaded, so many minutes after the job.",
            metavar="MINUTES",
            rich_help_panel=LIMITS,
        ),
    ] = 60,
    max_size: Annotated[
        float,
        typer.Option(
            "--max-size", help="Take uploads of up to so many megabytes.", metavar="MB", rich_help_panel=LIMITS
        ),
    ] = 512,
    max_seconds: Annotated[
        float,
        typer.Option(
            "--max-seconds",
            help="Take clips, or parts of them, of up to so many seconds.",
            metavar="N",
            rich_help_panel=LIMITS,
        ),
    ] = 300,
    max_pixels: Annotated[
        float,
        typer.Option(
            "--max-pixels",
            help="Take frames of up to so many million pixels; 4K has 8.3.",
            metavar="N",
            rich_help_panel=LIMITS,
        ),
    ] = 9,
    model: opt.Model = "lite",
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    runtime: opt.Runtime = "auto",
    batch: opt.Batch = None,
) -> None:
    """Serve a page, and a REST service, that segment what is uploaded.

    The page is at http://127.0.0.1:7860, the service below /v1, explained at /docs. Nothing leaves this machine. Ctrl-C
    ends it; what was uploaded and what came of it is removed then.
    """
    import secrets

    from gsanet.serve.limits import Limits
    from gsanet.serve.service import check_host
    from gsanet.serve.service import serve as run
    from gsanet.serve.work import Engine

    if token == "new":
        token = secrets.token_urlsafe(18)
        typer.echo(f"token: {token}")
    check_host(host, token)
    limits = Limits(megabytes=max_size, seconds=max_seconds, megapixels=max_pixels, jobs=jobs, queue=queue, keep=keep)
    engine = Engine(model, runtime, device, precision, batch)
    run(
        host=host,
        port=port,
        token=token,
        limits=limits,
        engine=engine,
        page=page,
        words=option_words(),
        said=typer.echo,
    )


def option_words() -> dict[str, str]:
    """What each option of ``gsanet segment`` means, by its name: one text for command, page and service."""
    register(["segment"])  # only the command that is typed is there by itself
    root = typer.main.get_command(app)
    params = root.commands["segment"].params  # type: ignore[attr-defined]
    return {param.name: param.help for param in params if param.help}
