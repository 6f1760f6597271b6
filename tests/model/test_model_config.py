"""The configuration: what it refuses, and its way to disk and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from gsanet.model import VARIANTS, GSANetConfig, variant


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 0}, "channels must be at least 1, got 0"),
        ({"clusters": -2, "neighbours": 1}, "clusters must be at least 1"),
        ({"iterations": 0}, "iterations must be at least 1"),
        ({"references": 0}, "references must be at least 1"),
        ({"size": 0}, "size must be at least 1"),
        ({"slots": 1}, "slots must be at least 2"),
        ({"neighbours": 65}, r"neighbours \(65\) cannot exceed clusters \(64\)"),
        ({"pooling": "max"}, "pooling must be 'mean' or 'sum', got 'max'"),
        ({"slot_init": "learned"}, "slot_init must be 'guided' or 'random', got 'learned'"),
        ({"aggregation": "gru"}, "aggregation must be 'fat' or 'standard', got 'gru'"),
    ],
)
def test_senseless_values_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GSANetConfig(**change)


def test_without_the_filter_the_number_of_neighbours_does_not_matter() -> None:
    assert GSANetConfig(clusters=4, knn_filter=False).neighbours == 16


@pytest.mark.parametrize("name", VARIANTS)
def test_through_json_and_back(name: str) -> None:
    config = variant(name, pooling="sum", dilations=(1, 2, 3))
    text = json.dumps(config.to_dict())
    assert GSANetConfig.from_dict(json.loads(text)) == config


def test_a_file_of_an_older_version_lacks_fields_and_gets_the_defaults() -> None:
    assert GSANetConfig.from_dict({"channels": 48}) == GSANetConfig(channels=48)


def test_an_unknown_field_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"unknown field\(s\) chanels; known are .*channels.*"):
        GSANetConfig.from_dict({"chanels": 3})


def test_unknown_variant() -> None:
    with pytest.raises(ValueError, match=r"unknown model variant 'mit_b9'; there are lite, mit_b0, mit_b2, resnet101"):
        variant("mit_b9")


def test_every_field_is_saved() -> None:
    assert set(GSANetConfig().to_dict()) == {f.name for f in fields(GSANetConfig)}
