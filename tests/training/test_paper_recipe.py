"""The published recipe says what docs/method.md says in section 8."""

from __future__ import annotations

from gsanet.training.config import load_config
from gsanet.training.steps import learning_rate

RECIPE = load_config("paper-mit-b2")


def test_schedule_and_batch() -> None:
    for stage in (RECIPE.pretrain, RECIPE.train):
        assert stage.batch == 12 and stage.weight_decay == 0 and stage.backbone_lr == 1
        assert {size[0] for size in stage.sizes} == {384, 416, 448, 480, 512}
        assert learning_rate(stage, 0) == 1e-4
        assert abs(learning_rate(stage, stage.steps - 1) - 1e-5) < 1e-12
        assert stage.augmentation.rotate == 15 and stage.augmentation.rotate_probability == 0.2
    # 200 epochs.
    assert RECIPE.pretrain.steps == 200 * 10553 // 12
    assert RECIPE.train.steps == 200 * 2 * (2079 - 356) // 12


def test_references_data_and_flow() -> None:
    train = RECIPE.train
    assert RECIPE.model.references == 4 and train.group == 5 and train.references == "own"
    assert train.sampler == "epoch" and [v.path for v in train.videos] == ["DAVIS_train", "YTVOS_train"]
    assert train.flow.gaps == () and train.synthetic == 0
