"""Do the slots earn their keep? The rows of the paper's ablation, trained alike from several seeds, in one table.

    python benchmarks/ablation.py DATA -o runs/ablation [--seeds 0,1,2] [--recipe ablation]

DATA is a folder in the data layout. Every row goes through both stages of the recipe; rows of one width share
their stage 1, which knows no slots, and each seed is one of stage 2. Scores are of the sequences that the recipe holds
out. Whatever is done already in the output folder is not done again, and a run that was killed goes on: two processes
with different seeds may share the work. `--seeds ""` only prints the table.

The baseline without slots is 52 channels wide instead of 48, so that it has as many parameters as the whole method. At
that width oneDNN's bfloat16 gradients of dilated convolutions come out as NaN on CPUs (PyTorch 2.14): it trains in
float32.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

from command import SCORES, gsanet, train_and_score

from gsanet.model import GSANetConfig
from gsanet.runtime.cost import model_cost
from gsanet.training.config import TrainingConfig, load_config

ROWS: dict[str, dict[str, object]] = {
    "no slots, as many parameters": {"slot_attention": False, "channels": 52},
    "slots from learned Gaussians": {"slot_init": "random", "knn_filter": False, "aggregation": "standard"},
    "guided slots": {"knn_filter": False, "aggregation": "standard"},
    "guided, KNN filter": {"aggregation": "standard"},
    "guided, KNN filter, FAT: the method": {},
}
"""What each row changes in the model."""


def settings(changes: dict[str, object]) -> list[str]:
    """Of the command line, for what a row changes."""
    words = ["--set", "precision=float32"] if "channels" in changes else []
    for name, value in changes.items():
        words += ["--set", f"model.{name}={json.dumps(value)}"]
    return words


def stage_one(recipe: str, data: Path, out: Path, changes: dict[str, object]) -> Path:
    """The weights that stage 2 of a row starts from: of its width, trained if they are not there yet."""
    width = {name: value for name, value in changes.items() if name == "channels"}
    folder = out / "-".join(["pretrain", *map(str, width.values())])
    weights = folder / "last.safetensors"
    if not weights.is_file():
        gsanet("pretrain", "--config", recipe, "--data", data, "-o", folder, *settings(width))
    return weights


def score(recipe: str, data: Path, out: Path, row: str, seed: int, settled: TrainingConfig) -> None:
    """Train and evaluate one row from one seed, unless that is done."""
    folder = result(out, row, seed).parent
    if result(out, row, seed).is_file():
        return
    started = stage_one(recipe, data, out, ROWS[row])
    print(f"{row}, seed {seed}", flush=True)
    training = ["--pretrained", started, "--set", f"seed={seed}", *settings(ROWS[row])]
    height_and_width = settled.train.sizes[0]
    scoring = ["--sequences", ",".join(settled.train.held_out), "--size", max(height_and_width), "--workers", 1]
    train_and_score(folder, recipe, data, training, scoring)


def result(out: Path, row: str, seed: int) -> Path:
    """Where the scores of a run are."""
    return out / f"{list(ROWS).index(row)}-seed{seed}" / SCORES


def table(out: Path, settled: TrainingConfig) -> list[str]:
    """A line for each row that has results: mean over the seeds, with what lies between the lowest and the highest."""
    lines = ["| model | parameters | GFLOP a frame | seeds | J | F | J&F |", "|---|---|---|---|---|---|---|"]
    for number, (row, changes) in enumerate(ROWS.items()):
        files = sorted(out.glob(f"{number}-seed*/{SCORES}"))
        scores = [json.loads(file.read_text())["overall"] for file in files]
        if not scores:
            continue
        config: GSANetConfig = replace(settled.model, **changes)  # type: ignore[arg-type]
        height, width = settled.train.sizes[0]
        cost = model_cost(config, (height, width))
        cells = [row, f"{cost.parameters / 1e6:.2f} M", f"{cost.frame_flops / 1e9:.2f}", str(len(scores))]
        for name in ("J", "F", "J&F"):
            values = [100 * one[name] for one in scores]
            spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.1f}{spread}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--recipe", default="ablation", metavar="NAME|FILE")
    arguments = parser.parse_args()
    settled = load_config(arguments.recipe)
    for seed in (int(word) for word in arguments.seeds.split(",") if word.strip()):
        for row in ROWS:
            score(arguments.recipe, arguments.data, arguments.out, row, seed, settled)
    print("\n".join(table(arguments.out, settled)))


if __name__ == "__main__":
    main()
