"""``gsanet info``: what is installed and what there is to choose from."""

from __future__ import annotations

import typer

from gsanet.cli import app

CLIP = 60
"""Frames of the video over which the references' cost is spread."""


@app.command()
def info() -> None:
    """Versions, devices and the model variants with their cost."""
    import platform

    import torch

    from gsanet.base.errors import GsanetError
    from gsanet.base.version import __version__
    from gsanet.model import VARIANTS
    from gsanet.runtime.cost import model_cost

    typer.echo(f"gsanet {__version__}, Python {platform.python_version()}, torch {torch.__version__}")
    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    typer.echo(f"devices: {', '.join(devices)}\n")
    row = "{:<10} {:<22} {:>9} {:>12} {:>13} {:>16} {:>11} {:>15}"
    typer.echo(
        row.format(
            "model", "backbone", "input", "parameters", "GFLOPs/frame", "references", "weights", "activations"
        ).rstrip()
    )
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
                f"{cost.peak_activations / 1e6:.0f} MB",
            )
        )
    typer.echo(
        f"\nOne frame at a time, float32; a multiply-accumulate is 2 FLOPs. References are encoded once per video;\n"
        f"GFLOPs/frame holds their share in a video of {CLIP} frames. Activations are all maps alive at the peak."
    )
