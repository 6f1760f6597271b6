"""What a recipe of stage 2 is worth, over all sequences: each is segmented by a model that has not seen it.

    python benchmarks/folds.py DATA -o runs/folds --pretrained W [--set train.steps=300 ...]
    python benchmarks/folds.py DATA -o runs/folds-b --pretrained W [...] --compare runs/folds

DATA is a folder in the data layout. Of its training sequences, in order of their names, fold K of N holds out the
Kth, the N+Kth and so on. One model is trained for each fold and segments what it was not shown; all masks are then
evaluated together, with an interval, and with --compare against those of another recipe, sequence by sequence.

Whatever is done already in the output folder is not done again, and a run that was killed goes on: several processes
with different --only share the work. A changed recipe belongs into another folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from command import SCORES, gsanet, train_and_score

from gsanet.data.layout import sequences


def fold(arguments: argparse.Namespace, number: int, held_out: list[str]) -> None:
    """Train without the sequences *held_out*, and segment them, unless that is done."""
    folder = arguments.out / f"fold{number}"
    if (folder / SCORES).is_file():
        return
    print(f"fold {number}, without {', '.join(held_out)}", flush=True)
    training = ["--pretrained", arguments.pretrained] if arguments.pretrained else []
    for change in (f"train.held_out={json.dumps(held_out)}", *arguments.set):
        training += ["--set", change]
    scoring = ["--sequences", ",".join(held_out), "-o", arguments.out / "masks", "--quality", arguments.quality]
    train_and_score(folder, arguments.recipe, arguments.data, training, scoring)


def main() -> None:
    """Train and segment what is missing, then evaluate all that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--pretrained", help="weights that have seen no sequence of DATA, such as stage 1's")
    parser.add_argument("--recipe", default="lite", metavar="NAME|FILE")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the recipe; repeatable")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="K,...", help="these folds, from 0")
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--compare", type=Path, metavar="FOLDER", help="an -o of before")
    arguments = parser.parse_args()
    videos = arguments.data / "DAVIS_train"
    names = [video.name for video in sequences(videos, need_gt=True, check_sizes=False)]
    parts = {k: names[k :: arguments.folds] for k in range(arguments.folds)}
    for k in [int(word) for word in arguments.only.split(",") if word] or parts:
        fold(arguments, k, parts[k])
    done = [name for k in parts if (arguments.out / f"fold{k}" / SCORES).is_file() for name in parts[k]]
    words = ["--sequences", ",".join(sorted(done)), "--json", arguments.out / SCORES]
    if arguments.compare is not None:
        words += ["--compare", arguments.compare / SCORES]
    gsanet("evaluate", arguments.out / "masks", videos, *words, show=True)


if __name__ == "__main__":
    main()
