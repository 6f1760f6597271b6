"""Does it matter which scenes a clip's references come from? Every sequence of a data folder, four ways.

    python benchmarks/references.py DATA/DAVIS_train alone|foreign|past|joined -o scores.json

``alone``: each sequence is a clip. ``foreign``: the same, with the references of all sequences joined into one film.
``past``: the same, with references from the sequence's own past, as they come. ``joined``: all sequences as one clip.
Prints the mean over sequences of J and F, in percent, and writes both for every frame.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import gsanet
from gsanet.data.layout import sequences
from gsanet.data.masks import read_truth
from gsanet.evaluation import boundary_accuracy, region_similarity
from gsanet.segment import pipeline, references
from gsanet.video.clip import Clip
from gsanet.video.frame_folder import FrameFolder
from gsanet.video.resize import resize_mask


def main() -> None:
    """One way, all sequences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("way", choices=("alone", "foreign", "past", "joined"))
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    scenes = {
        sequence.name: {frame.rgb.stem: frame for frame in sequence.frames}
        for sequence in sequences(arguments.data, need_gt=True, check_sizes=False)
    }
    frames = {f"{scene}/{name}": frame for scene, members in scenes.items() for name, frame in members.items()}
    film = FrameFolder.of_files("film", {name: frame.rgb for name, frame in frames.items()})
    plain = references.choose_references

    def choose(clip: Clip, views, motion, count, encode, online, later):  # type: ignore[no-untyped-def]
        if arguments.way == "past":
            return references.OnlineBank(count, encode)
        return plain(film if arguments.way == "foreign" else clip, views, motion, count, encode, online, later)

    pipeline.choose_references = choose

    def clips() -> Iterator[Clip]:
        if arguments.way == "joined":
            yield film
            return
        for scene, members in scenes.items():
            yield FrameFolder.of_files(scene, {f"{scene}/{name}": frame.rgb for name, frame in members.items()})

    segmenter = gsanet.Segmenter.from_pretrained()
    scores: dict[str, tuple[float, float]] = {}
    for clip in clips():
        for result in segmenter.stream(clip):
            truth = read_truth(frames[result.name].gt)
            mask = resize_mask(result.mask, (truth.shape[0], truth.shape[1]))
            scores[result.name] = region_similarity(mask, truth), boundary_accuracy(mask, truth)
        print(f"{len(scores)} of {len(frames)} frames", flush=True)
    arguments.out.write_text(json.dumps(scores, indent=1))
    means = [np.mean([scores[f"{scene}/{name}"] for name in names], axis=0) for scene, names in scenes.items()]
    print("J {:.2f}, F {:.2f}".format(*(100 * np.mean(means, axis=0))))


if __name__ == "__main__":
    main()
