"""The configuration: what it refuses, and its way to disk and back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from gsanet.base.errors import GsanetError
from gsanet.model import VARIANTS, GSANetConfig, variant


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 0}, "channels must be at least 1, got 0"),
        ({"channels": 8.5}, "channels must be a whole number, got 8.5"),
        ({"detail_channels": -1}, "detail_channels must be at least 0, got -1"),
        ({"clusters": -2, "neighbours": 1}, "clusters must be at least 1, got -2"),
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"kmeans_iterations": -1}, "kmeans_iterations must be at least 0, got -1"),
        ({"references": True}, "references must be a whole number, got True"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"slots": 1}, "slots must be at least 2, got 1"),
        ({"neighbours": 65}, "neighbours must not exceed clusters (64), got 65"),
        ({"dropout": 1.0}, "dropout must be below 1, got 1.0"),
        ({"dropout": float("nan")}, "dropout must be a finite number, got nan"),
        ({"std": (0.5, 0.0, 0.5)}, "std[1] must be above 0, got 0.0"),
        ({"dilations": (1, 2)}, "dilations must hold at least 3 values, got (1, 2)"),
        ({"dilations": (1, 2, 3, 4)}, "dilations must hold at most 3, got (1, 2, 3, 4)"),
        ({"backbone_norm_eps": 0.0}, "backbone_norm_eps must be above 0, got 0.0"),
        ({"backbone": ""}, "backbone must not be empty"),
        ({"square": 1}, "square must be true or false, got 1"),
        ({"pooling": "max"}, "pooling must be 'mean' or 'sum', got 'max'"),
        ({"slot_init": "learned"}, "slot_init must be 'guided' or 'random', got 'learned'"),
        ({"aggregation": "gru"}, "aggregation must be 'fat' or 'standard', got 'gru'"),
    ],
)
def test_senseless_values_are_refused_however_they_come(change: dict[str, Any], message: str) -> None:
    for make in (lambda: GSANetConfig(**change), lambda: variant("mit_b2", **change)):
        with pytest.raises(GsanetError) as caught:
            make()
        assert str(caught.value) == message
        assert isinstance(caught.value, ValueError)
    # From a file, where a tuple is a list.
    with pytest.raises(ValueError, match=re.escape(message.replace("(1, 2", "[1, 2").removesuffix(")"))):
        GSANetConfig.from_dict(json.loads(json.dumps({**GSANetConfig().to_dict(), **change})))


def test_it_can_be_a_key_and_does_not_change() -> None:
    assert len({GSANetConfig(), variant("mit_b2"), variant("lite")}) == 2
    with pytest.raises(FrozenInstanceError):
        GSANetConfig().slots = 3  # type: ignore[misc]


def test_it_can_be_read_where_there_is_no_torch() -> None:
    code = "import sys; from gsanet.model.config import variant; variant('lite'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_without_the_filter_the_number_of_neighbours_does_not_matter() -> None:
    assert GSANetConfig(clusters=4, knn_filter=False).neighbours == 16


@pytest.mark.parametrize("name", VARIANTS)
def test_through_json_and_back(name: str) -> None:
    config = variant(name, pooling="sum", dilations=(1, 2, 3))
    text = json.dumps(config.to_dict())
    assert GSANetConfig.from_dict(json.loads(text)) == config


def test_a_file_of_an_older_version_lacks_fields_and_gets_the_defaults() -> None:
    assert GSANetConfig.from_dict({"channels": 48}) == GSANetConfig(channels=48)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chanels", r"chanels is not a setting; did you mean channels\?"),
        ("zoom", "zoom is not a setting; there are ag"),
    ],
)
def test_an_unknown_field_is_an_error_that_names_known_ones(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GSANetConfig.from_dict({name: 3})
    with pytest.raises(ValueError, match=message):
        GSANetConfig(**{name: 3})


def test_unknown_variant() -> None:
    with pytest.raises(ValueError, match=r"unknown model variant 'mit_b9'; there are lite, mit_b0, mit_b2, resnet101"):
        variant("mit_b9")


def test_every_field_is_saved() -> None:
    assert set(GSANetConfig().to_dict()) == {f.name for f in fields(GSANetConfig)}
