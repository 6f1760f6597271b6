"""What a graph file says about itself, and where its weights come from: plain data, read without torch and onnx."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gsanet.model.config import GSANetConfig

KEY = "gsanet"
"""Name of the entry in the file's ``metadata_props``."""

FORMAT = "gsanet-onnx-2"

PICTURES = "uint8 RGB, rows of pixels (1,H,W,3), 0..255, H and W multiples of 32; normalised inside the graph"

INPUTS = ("rgb", "flow", "references_rgb", "references_flow")

PROBABILITY = "probability"
"""First output, (1,H,W); between it and :data:`OWN` are slot maps by name, (1,H/16,W/16) each."""

OWN = ("own_rgb", "own_flow")
"""Last outputs: what the frame would say as a reference of another one, (1,1,C,C) each."""

TRANSPOSED = ".T"
"""Ends the name of an initialiser that is a tensor of the checkpoint, transposed."""


@dataclass(frozen=True)
class Facts:
    """Where an exported model comes from."""

    model: str = ""
    """Name or file of the weights."""
    licence: str = "that of the weights it was made from"


@dataclass(frozen=True)
class WeightPlan:
    """How the initialisers of a graph without weights are made of a checkpoint's tensors.

    Attributes:
        taken: names of initialisers that are tensors of the checkpoint by that name, or, with :data:`TRANSPOSED` at the
            end, transposed ones.
        folded: by the name of a convolution, the batch norm whose scale and shift its ``weight`` and ``bias`` take on,
            and that norm's epsilon.
    """

    taken: Sequence[str] = ()
    folded: Mapping[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class GraphInfo:
    """The metadata of one graph file."""

    config: GSANetConfig
    plan: WeightPlan | None = None
    """None: the weights are in the file."""
    facts: Facts = field(default_factory=Facts)
    versions: Mapping[str, str] = field(default_factory=dict)
    precision: str = "float32"
    """In which most of it computes: ``float32`` or ``int8``."""
    calibrated: str | None = None
    """Fingerprint of the weights that the ranges in an int8 graph belong to."""

    def to_json(self) -> str:
        """What a reader without gsanet needs comes first."""
        config = self.config.to_dict()
        return json.dumps(
            {
                "format": FORMAT,
                "pictures": PICTURES,
                "mean": config["mean"],
                "std": config["std"],
                "references": config["references"],
                "threshold": 0.5,
                "precision": self.precision,
                "calibrated": self.calibrated,
                **asdict(self.facts),
                "versions": dict(self.versions),
                "config": config,
                "weights": None if self.plan is None else asdict(self.plan),
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
            weights = values["weights"]
            plan = None
            if weights is not None:
                folded = {conv: (norm, eps) for conv, (norm, eps) in weights["folded"].items()}
                plan = WeightPlan(tuple(weights["taken"]), folded)
            facts = Facts(values["model"], values["licence"])
            config, precision = GSANetConfig.from_dict(values["config"]), values["precision"]
            return cls(config, plan, facts, values["versions"], precision, values["calibrated"])
        except KeyError as error:
            raise ValueError(f"it lacks {error}") from None


def same_network(one: GSANetConfig, other: GSANetConfig) -> bool:
    """Whether both configurations make the same graph: what only the engine reads may differ."""
    differ = ("references", "size", "square", "dropout")
    plain = [{k: v for k, v in config.to_dict().items() if k not in differ} for config in (one, other)]
    return plain[0] == plain[1]
