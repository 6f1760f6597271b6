"""Every choice behind a run's numbers, in words: a number without them says little."""

from __future__ import annotations

from gsanet.evaluation.scoring import Settings


def choices(settings: Settings, layout: str) -> list[str]:
    """Every choice behind the numbers, a sentence each."""
    rules = settings.protocol
    said = [f"Protocol {rules.name}: {rules.title}. Ground truth: {layout}."]
    if rules.inner:
        said.append("Frames 2 to L-1 of the L annotated frames count; the first and the last are left out.")
    else:
        said.append("All annotated frames count.")
    if rules.skip_empty:
        said.append("Frames whose ground truth is empty are left out.")
    if rules.measures == ("saliency",):
        said.append("MAE, S (alpha 0.5), E and F (beta squared 0.3) as computed by pysodmetrics.")
        said.append(
            "Each map is stretched to 0..1 first, as the field does." if settings.stretch else "Maps are not stretched."
        )
    else:
        said.append("Objects are merged into one foreground." if rules.merge else "One object; more are an error.")
        if rules.void:
            said.append("Where the ground truth holds labels, 255 beside them is void and left out.")
        if settings.threshold is None:
            said.append("Predictions are masks: every value but 0 is foreground.")
        else:
            said.append(f"Predictions are soft maps: foreground is above {settings.threshold:g} of white.")
        said.append("J is intersection over union; two empty masks score 1.")
        if "F" in rules.measures:
            said.append("F compares one-pixel contours within a disk of radius ceil(0.008 x image diagonal).")
        said.append(
            "Recall is the share of frames above 0.5; decay is the first quarter's mean minus the last's, "
            "right beyond 256 frames."
        )
    if settings.resize:
        said.append("Predictions of another size were stretched to the ground truth's.")
    said.append("Frames are averaged within a sequence, then sequences.")
    if settings.stability:
        said.append(
            "Stability is gsanet's own measure, not DAVIS's T: IoU of each mask with the next one carried back along "
            "DIS flow, averaged over pairs in which either is not empty."
        )
    if rules.note:
        said.append(rules.note)
    return said
