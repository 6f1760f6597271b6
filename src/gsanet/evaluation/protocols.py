"""The protocols by name. A new one is a line of the table: every choice a benchmark makes is a field here."""

from __future__ import annotations

from dataclasses import dataclass

from gsanet.base.errors import GsanetError


@dataclass(frozen=True)
class Protocol:
    """One benchmark's choices; ``evaluate`` prints them with the numbers."""

    name: str
    title: str
    measures: tuple[str, ...] = ("J", "F")
    """``J``, ``F`` or ``saliency``; the first is the headline, J with F their mean."""
    inner: bool = False
    """Leave out the first and the last frame."""
    merge: bool = True
    """All objects of a mask are one foreground; otherwise more than one object is an error."""
    void: bool = False
    """Where the ground truth holds labels, 255 beside them is void: left out of both masks."""
    skip_empty: bool = False
    """Leave out frames whose ground truth is empty."""
    sparse: bool = False
    """Only some frames are annotated; predictions between them are expected."""
    by_class: bool = False
    """Also average within each class (the sequence's name up to its first separator), then over classes."""
    image_sets: tuple[str, ...] = ()
    """Where under ``ImageSets`` of an official DAVIS root the list of the split is, first found first."""
    note: str = ""
    """What else a reader of the numbers must know."""

    @property
    def headline(self) -> str:
        """Name of the one number that ranks methods: ``J&F``, ``J`` or ``S``."""
        if self.measures == ("saliency",):
            return "S"
        return "&".join(self.measures)


PROTOCOLS: dict[str, Protocol] = {
    p.name: p
    for p in (
        Protocol(
            "davis16",
            "DAVIS-2016, single object",
            inner=True,
            merge=False,
            image_sets=("2016", "480p", "."),
        ),
        Protocol(
            "davis17-merged",
            "DAVIS-2017 with all objects merged",
            inner=True,
            void=True,
            image_sets=("2017",),
            note="Not a ranking of the benchmark itself, which matches objects one by one.",
        ),
        Protocol(
            "fbms",
            "FBMS-59, objects merged",
            measures=("J",),
            skip_empty=True,
            sparse=True,
        ),
        Protocol(
            "youtube-objects",
            "YouTube-Objects",
            measures=("J",),
            sparse=True,
            by_class=True,
            note="Papers print either the mean over classes or the mean over sequences; both are given.",
        ),
        Protocol("segtrack2", "SegTrack v2, objects merged", measures=("J",)),
        Protocol("long-videos", "Long Videos", sparse=True),
        Protocol(
            "vsod",
            "Video salient object detection",
            measures=("saliency",),
            inner=True,
            note="Curves are averaged within a sequence, then over sequences; max F and max E are the maxima of that "
            "average.",
        ),
    )
}


def protocol(name: str) -> Protocol:
    """The protocol called *name*.

    Raises:
        GsanetError: there is none.
    """
    if name not in PROTOCOLS:
        raise GsanetError(f"unknown protocol {name!r}: choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
