"""What an exported file says about itself: JSON in its metadata, under one name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gsanet.export.graphs import Part
from gsanet.model import GSANet, GSANetConfig

KEY = "gsanet"
"""Name of the entry in the file's ``metadata_props``."""

FORMAT = "gsanet-onnx-1"

PICTURES = "uint8 RGB, rows of pixels (N,H,W,3), 0..255; normalised inside the graph"


def fingerprint(model: GSANet) -> str:
    """16 hexadecimal digits that change with any weight or any field of the configuration."""
    digest = hashlib.sha256(json.dumps(model.config.to_dict(), sort_keys=True).encode())
    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Facts:
    """Where an exported model comes from."""

    model: str = ""
    """Name or file of the weights."""
    licence: str = "that of the weights it was made from"


@dataclass(frozen=True)
class GraphInfo:
    """The metadata of one exported file."""

    part: Part
    height: int
    width: int
    config: GSANetConfig
    weights: str
    """Fingerprint of the weights: all files of one model have the same."""
    facts: Facts = field(default_factory=Facts)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """(H,W) of the pictures it takes."""
        return self.height, self.width

    def to_json(self) -> str:
        """What a reader without gsanet needs comes first."""
        config = self.config.to_dict()
        return json.dumps(
            {
                "format": FORMAT,
                "part": self.part,
                "height": self.height,
                "width": self.width,
                "pictures": PICTURES,
                "mean": config["mean"],
                "std": config["std"],
                "references": config["references"],
                "threshold": 0.5,
                **asdict(self.facts),
                "weights": self.weights,
                "versions": dict(self.versions),
                "config": config,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> GraphInfo:
        """Inverse of :meth:`to_json`.

        Raises:
            ValueError: it is not that, or of a newer gsanet.
        """
        values: dict[str, Any] = json.loads(text)
        if values.get("format") != FORMAT:
            raise ValueError(f"its format is {values.get('format')!r}, not {FORMAT!r}")
        try:
            return cls(
                values["part"],
                values["height"],
                values["width"],
                GSANetConfig.from_dict(values["config"]),
                values["weights"],
                Facts(values["model"], values["licence"]),
                values["versions"],
            )
        except KeyError as error:
            raise ValueError(f"it lacks {error}") from None
