"""``gsanet info``: what is installed and what there is to choose from."""

from __future__ import annotations

import typer

from gsanet.cli.app import command

CLIP = 60
"""Frames of the video over which the references' cost is spread."""

PACKAGES = ("torch", "onnxruntime")
"""Libraries that can compute a model; one is enough."""


@command("gsanet info")
def info() -> None:
    """Show versions, devices, and what each kind of model costs."""
    import os
    import platform
    from importlib import metadata, util

    from gsanet.base.version import __version__
    from gsanet.cli.extras import install

    versions = [f"gsanet {__version__}", f"Python {platform.python_version()}"]
    versions += [f"{package} {metadata.version(package)}" for package in PACKAGES if util.find_spec(package)]
    typer.echo(", ".join(versions))
    if util.find_spec("torch"):
        _devices_and_costs()
    else:
        typer.echo(f"devices: cpu ({os.cpu_count()} threads)\n")
        typer.echo(f"without PyTorch there is neither a GPU nor training, and no table of models: {install('torch')}")


def _devices_and_costs() -> None:
    import torch

    from gsanet.base.errors import GsanetError
    from gsanet.model import VARIANTS
    from gsanet.runtime.cost import model_cost

    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    typer.echo(f"devices: {', '.join(devices)}\n")
    row = "{:<10} {:<22} {:>9} {:>12} {:>13} {:>16} {:>11}"
    typer.echo(row.format("model", "backbone", "input", "parameters", "GFLOPs/frame", "references", "weights").rstrip())
    for name, config in VARIANTS.items():
        try:
            cost = model_cost(config)
        except (GsanetError, ImportError) as error:
            typer.echo(f"{name:<10} {config.backbone:<22} not available here: {error}")
            continue
        typer.echo(
            row.format(
                name,
                config.backbone,
                f"{cost.width}x{cost.height}",
                f"{cost.parameters / 1e6:.1f} M",
                f"{cost.flops_per_frame(CLIP) / 1e9:.1f}",
                f"{config.references} x {cost.reference_flops / config.references / 1e9:.1f}",
                f"{cost.weight_bytes / 1e6:.0f} MB",
            )
        )
    typer.echo(
        f"\nOne frame at a time, float32; a multiply-accumulate is 2 FLOPs. References are encoded once per video;\n"
        f"GFLOPs/frame holds their share in a video of {CLIP} frames."
    )
