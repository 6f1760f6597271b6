"""Recipes: what is read, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsanet.base.errors import GsanetError
from gsanet.training.config import StageConfig, load_config
from gsanet.training.loop import learning_rate


def test_file_and_changes_are_merged(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('seed = 7\n[model]\nvariant = "lite"\nclusters = 32\n[train]\nlr = 2e-4\nheld_out = ["bear"]\n')
    recipe = load_config(file, ["train.lr=5e-4", "train.augmentation.flip=0", "data=somewhere", "train.steps=9"])
    assert recipe.seed == 7
    assert recipe.model.clusters == 32 and recipe.model.backbone == "tf_efficientnet_lite2"
    assert recipe.train.lr == 5e-4 and recipe.train.augmentation.flip == 0.0
    assert recipe.train.held_out == ("bear",) and recipe.train.steps == 9
    assert recipe.data == "somewhere"


def test_variants_go_by_their_published_names_too() -> None:
    recipe = load_config(None, ["model.variant=gsanet-mit-b2", "model.backbone_norm_eps=1e-5"])
    assert recipe.model.backbone == "mit_b2" and recipe.model.backbone_norm_eps == 1e-5


def test_the_shipped_recipes_load() -> None:
    files = sorted((Path(__file__).parents[2] / "src/gsanet/recipes").glob("*.toml"))
    assert files
    for file in files:
        assert load_config(file).train.steps > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.speed=3", "no such setting: train.speed"),
        ("train.steps=many", "train.steps must be of type int"),
        ("steps", "--set takes key=value"),
        ("model.variant=huge", "unknown model variant 'huge'; there are lite"),
        ("model.slots=1", "slots must be at least 2"),
        ("model.detail_channels=-1", "detail_channels must not be negative"),
        ("train.batch=7", "multiple of group"),
        ("train.outline=-1", "outline must not be negative"),
        ("train.sizes=[[63,64]]", "size 63x64"),
    ],
)
def test_mistakes_are_named(change: str, message: str) -> None:
    with pytest.raises(GsanetError, match=message.replace(".", r"\.")):
        load_config(None, [change])


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("lr == 3")
    with pytest.raises(GsanetError, match=r"bad\.toml is not TOML"):
        load_config(file)
    with pytest.raises(GsanetError, match="cannot read the recipe"):
        load_config(tmp_path / "none.toml")


def test_learning_rate_rises_and_falls_along_a_cosine() -> None:
    config = StageConfig(steps=101, warmup=1, lr=1.0, lr_end=0.1)
    assert learning_rate(config, 0) == 1.0
    assert learning_rate(config, 100) == pytest.approx(0.1)
    middle = learning_rate(config, 50)
    assert 0.54 < middle < 0.57
    warm = StageConfig(steps=100, warmup=10, lr=1.0)
    assert learning_rate(warm, 0) == pytest.approx(0.1)
