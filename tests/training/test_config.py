"""Recipes: what is read, what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gsanet.base.errors import GsanetError
from gsanet.training.config import StageConfig, TrainingConfig, load_config
from gsanet.training.steps import learning_rate


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


WRONG = [
    ("train.steps=-5", "train.steps must be at least 1, got -5"),
    ("train.steps=2.5", "train.steps must be a whole number, got 2.5"),
    ('train.steps="9"', "train.steps must be a whole number, got '9'"),
    ("train.steps=true", "train.steps must be a whole number, got True"),
    ("train.batch=0", "train.batch must be at least 1, got 0"),
    ("train.batch=7", "train.batch must be a multiple of group (4), got 7"),
    ("train.accumulate=0", "train.accumulate must be at least 1, got 0"),
    ("train.group=-2", "train.group must be at least 1, got -2"),
    ('train.references="none"', "train.references must be 'shared' or 'own', got 'none'"),
    ("train.sizes=[]", "train.sizes must hold at least 1, got []"),
    ("train.sizes=[64,64]", "train.sizes[0] must be a list, got 64"),
    ("train.sizes=[[64]]", "train.sizes[0] must hold at least 2 values, got [64]"),
    ("train.sizes=[[64,64],[64,64,64]]", "train.sizes[1] must hold at most 2, got [64, 64, 64]"),
    ("train.sizes=[[63,64]]", "train.sizes[0][0] must be at least 64, got 63"),
    ("train.sizes=[[64,65]]", "train.sizes must be divisible by loss_stride (2), got 64x65"),
    ("train.lr=-1", "train.lr must be above 0, got -1"),
    ("train.lr=nan", "train.lr must be a finite number, got nan"),
    ("train.lr=inf", "train.lr must be a finite number, got inf"),
    ("train.lr_end=-1e-9", "train.lr_end must be at least 0, got -1e-09"),
    ("train.warmup=-1", "train.warmup must be at least 0, got -1"),
    ("train.backbone_lr=-0.1", "train.backbone_lr must be at least 0, got -0.1"),
    ("train.weight_decay=-1", "train.weight_decay must be at least 0, got -1"),
    ("train.clip=-1.0", "train.clip must be at least 0, got -1.0"),
    ("train.ema=7", "train.ema must be below 1, got 7"),
    ("train.ema=1.0", "train.ema must be below 1, got 1.0"),
    ("train.loss_stride=0", "train.loss_stride must be at least 1, got 0"),
    ("train.outline=-1", "train.outline must be at least 0, got -1"),
    ("train.synthetic=1.5", "train.synthetic must be at most 1, got 1.5"),
    ("train.distractor=-0.5", "train.distractor must be at least 0, got -0.5"),
    ('train.sampler="random"', "train.sampler must be 'weighted' or 'epoch', got 'random'"),
    ('train.held_out="bear"', "train.held_out must be a list, got 'bear'"),
    ("train.held_out=[1,2]", "train.held_out[0] must be text, got 1; train.held_out[1] must be text, got 2"),
    ("train.validate_every=0", "train.validate_every must be at least 1, got 0"),
    ("train.validate_frames=0", "train.validate_frames must be at least 1, got 0"),
    ("train.long_side=63", "train.long_side must be at least 64, got 63"),
    ("train.cache=1", "train.cache must be true or false, got 1"),
    ("train.videos=[]", "train.videos must hold at least 1, got []"),
    ('train.videos="a"', "train.videos must be a list, got 'a'"),
    ('train.videos=["a"]', "train.videos[0] must be a table of settings, got 'a'"),
    ("train.videos=[{weight=1.0}]", "train.videos[0].path is missing"),
    ('train.videos=[{path=""}]', "train.videos[0].path must not be empty"),
    ('train.videos=[{path="a"}, {path="b", weight=0.0}]', "train.videos[1].weight must be above 0, got 0.0"),
    ('train.videos=[{path="a", wieght=1.0}]', "train.videos[0].wieght is not a setting; did you mean weight?"),
    ("train.augmentation=3", "train.augmentation must be a table of settings, got 3"),
    ("train.augmentation.flip=2", "train.augmentation.flip must be at most 1, got 2"),
    ("train.augmentation.crop=0.0", "train.augmentation.crop must be above 0, got 0.0"),
    ("train.augmentation.crop=1.1", "train.augmentation.crop must be at most 1, got 1.1"),
    ("train.augmentation.rotate=-15", "train.augmentation.rotate must be at least 0, got -15"),
    ("train.augmentation.jitter=1.5", "train.augmentation.jitter must be at most 1, got 1.5"),
    (
        'train.flow.dis=["finest"]',
        "train.flow.dis must list presets of DIS (ultrafast, fast, medium, sharp, fine), got ('finest',)",
    ),
    ("train.flow.gaps=[1,0]", "train.flow.gaps must not hold 0, the frame itself, got (1, 0)"),
    ("train.flow.gaps=[0.5]", "train.flow.gaps[0] must be a whole number, got 0.5"),
    ("train.flow.global_motion=-1", "train.flow.global_motion must be at least 0, got -1"),
    ("train.flow.blank=2", "train.flow.blank must be at most 1, got 2"),
    ("train.motion.still=-1", "train.motion.still must be at least 0, got -1"),
    ("train.motion.near=-1", "train.motion.near must be at least 0, got -1"),
    ("train.motion.camera=-0.1", "train.motion.camera must be at least 0, got -0.1"),
    ("train.speed=3", "train.speed is not a setting; there are accumulate, augmentation, "),
    ("train.stesp=3", "train.stesp is not a setting; did you mean steps?"),
    ("tarin.steps=3", "tarin is not a setting; did you mean train?"),
    ("train=3", "train must be a table of settings, got 3"),
    ("model=3", "model must be a table of settings, got 3"),
    ("model.slots=1", "model.slots must be at least 2, got 1"),
    ("model.channels=48.5", "model.channels must be a whole number, got 48.5"),
    ("model.neighbours=65", "model.neighbours must not exceed clusters (64), got 65"),
    ("model.detail_channels=-1", "model.detail_channels must be at least 0, got -1"),
    ('model.variant="huge"', "model.variant must be one of lite, mit_b0, mit_b2, resnet101, got 'huge'"),
    ("model.variant=3", "model.variant must be one of lite, mit_b0, mit_b2, resnet101, got 3"),
    ('data=""', "data must not be empty"),
    ("seed=-1", "seed must be at least 0, got -1"),
    ("seed=4294967296", "seed must be below 4294967296, got 4294967296"),
    ('precision="int8"', "precision must be 'auto', 'float32', 'bfloat16' or 'float16', got 'int8'"),
    ('accelerator="tpu"', "accelerator must be 'auto', 'cpu', 'cuda' or 'mps', got 'tpu'"),
    ("devices=2", "devices must be text, got 2"),
    ("nodes=0", "nodes must be at least 1, got 0"),
    ('norm="layer"', "norm must be 'batch', 'synchronised' or 'frozen', got 'layer'"),
    ("threads=-1", "threads must be at least 0, got -1"),
    ("workers=-1", "workers must be at least 0, got -1"),
    ("log_every=0", "log_every must be at least 1, got 0"),
    ("checkpoint_minutes=-1", "checkpoint_minutes must be at least 0, got -1"),
    ("log_every=2026-01-01", "log_every must be a whole number, got '2026-01-01'"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[change for change, _ in WRONG])
def test_a_wrong_value_is_one_line_that_names_where_it_was_given(change: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(change)
    for recipe, changes, source in ((file, [], file), (None, [change], "--set")):
        with pytest.raises(GsanetError) as caught:
            load_config(recipe, changes)
        assert str(caught.value).startswith(f"{source}: {message}")
        assert "\n" not in str(caught.value)


def test_mistakes_of_several_places_name_each(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text("nodes = 0\n[train]\nsteps = -5\n")
    with pytest.raises(GsanetError) as caught:
        load_config(file, ["train.ema=7"], {"nodes": 0})
    assert str(caught.value) == (
        f"--nodes: nodes must be at least 1, got 0; {file}: train.steps must be at least 1, got -5; "
        "--set: train.ema must be below 1, got 7"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("steps", "--set takes key=value, got 'steps'"),
        ("=3", "--set takes key=value, got '=3'"),
        ("train.steps.x=3", "--set train.steps.x=3: steps is not a table of settings"),
        ("train.steps=many", "--set: train.steps must be a whole number, got 'many'"),
    ],
)
def test_what_is_no_change(change: str, message: str) -> None:
    with pytest.raises(GsanetError, match=f"^{re.escape(message)}$"):
        load_config("lite", [change])


def test_whole_numbers_are_numbers_and_options_have_the_last_word() -> None:
    recipe = load_config("lite", ["train.lr=1", "nodes=3"], {"nodes": 2, "devices": "0,1"})
    assert recipe.train.lr == 1.0 and type(recipe.train.lr) is float
    assert recipe.nodes == 2 and recipe.devices == "0,1"


def test_from_python_it_is_the_same_line() -> None:
    for wrong in (lambda: StageConfig(steps=-5), lambda: replace(TrainingConfig().train, steps=-5)):
        with pytest.raises(GsanetError, match=r"^steps must be at least 1, got -5$"):
            wrong()


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("lr == 3")
    with pytest.raises(GsanetError, match=r"bad\.toml is not TOML"):
        load_config(file)
    file.write_bytes(b"data = '\xff'")
    with pytest.raises(GsanetError, match=r"cannot read the recipe .*bad\.toml: it is not UTF-8 text"):
        load_config(file)


def test_learning_rate_rises_and_falls_along_a_cosine() -> None:
    config = StageConfig(steps=101, warmup=1, lr=1.0, lr_end=0.1)
    assert learning_rate(config, 0) == 1.0
    assert learning_rate(config, 100) == pytest.approx(0.1)
    middle = learning_rate(config, 50)
    assert 0.54 < middle < 0.57
    warm = StageConfig(steps=100, warmup=10, lr=1.0)
    assert learning_rate(warm, 0) == pytest.approx(0.1)
