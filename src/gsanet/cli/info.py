"""``gsanet info``: what is installed and what there is to choose from."""

from __future__ import annotations

import typer

from gsanet.cli import app


@app.command()
def info() -> None:
    """Versions, devices and the model variants with their sizes."""
    import platform

    import torch

    from gsanet import __version__
    from gsanet.model import VARIANTS

    typer.echo(f"gsanet {__version__}, Python {platform.python_version()}, torch {torch.__version__}")
    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    typer.echo(f"devices: {', '.join(devices)}")
    for name, config in VARIANTS.items():
        typer.echo(f"model {name}: backbone {config.backbone}, {config.channels} channels, input {config.size}")
