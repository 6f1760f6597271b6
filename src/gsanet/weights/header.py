"""What a file of weights says of itself, read without torch."""

from __future__ import annotations

import json
import re
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, get_args

from safetensors import SafetensorError, safe_open

from gsanet.base.errors import GsanetError
from gsanet.base.validation import InvalidSettings, settings, validated
from gsanet.model.config import GSANetConfig

FORMAT = "gsanet-1"

Kind = Literal["gsanet", "saliency"]
"""Of the model: the video model of stage 2, or the picture model of stage 1."""


@settings
class Header:
    """What a file of weights says of itself; in the file, all of it is text."""

    format: Literal["gsanet-1"]
    kind: Kind
    config: GSANetConfig
    info: dict[str, Any] = field(default_factory=dict)
    """Facts about the training."""


def read_header(path: Path) -> tuple[str, GSANetConfig, dict[str, Any]]:
    """Kind, configuration and training facts of a file written by :func:`gsanet.weights.checkpoint.save_model`.

    Raises:
        GsanetError: no such file, or not one of ours.
    """
    if not path.is_file():
        raise GsanetError(f"no such weights file: {path}")
    try:
        with safe_open(path, framework="np") as file:
            found = file.metadata() or {}
    except SafetensorError as error:
        raise GsanetError(f"{path} is not a safetensors file ({error})") from None
    if found.get("format") != FORMAT or found.get("kind") not in get_args(Kind):
        raise GsanetError(f"{path} was not written by gsanet: its header names no gsanet model")
    try:
        parts = {name: json.loads(found[name]) for name in ("config", "info") if name in found}
        header = validated(Header, {"format": found["format"], "kind": found["kind"], **parts})
    except json.JSONDecodeError as error:
        raise GsanetError(f"the header of {path} is damaged: {error}") from None
    except InvalidSettings as error:
        raise GsanetError(f"the header of {path}: {error}; it may need a newer gsanet") from None
    return header.kind, header.config, header.info


def read_config(path: Path) -> GSANetConfig:
    """The configuration of a video model.

    Raises:
        GsanetError: as :func:`read_header`; or it is a model of stage 1.
    """
    kind, config, _ = read_header(path)
    if kind != "gsanet":
        raise GsanetError(f"{path} holds a saliency (pretraining) model; give it to `gsanet train --pretrained` first")
    return config


def today(name: str) -> str:
    """Files of version 0.1 call the convolution after the similarity maps by its stage."""
    return re.sub(r"^(rgb|flow)_stage3\.", r"\1_slots.enrich.", name)
