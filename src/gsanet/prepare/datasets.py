"""The data sets by name. A new one is a file of this folder and a line of this table."""

from __future__ import annotations

from gsanet.base.errors import GsanetError
from gsanet.prepare.coco import COCO
from gsanet.prepare.davis import DAVIS16, DAVIS17
from gsanet.prepare.davsod import DAVSOD
from gsanet.prepare.duts import DUTS
from gsanet.prepare.fbms import FBMS
from gsanet.prepare.folder import FOLDER
from gsanet.prepare.plan import DataSet
from gsanet.prepare.segtrack import SEGTRACK
from gsanet.prepare.youtube_objects import YOUTUBE_OBJECTS
from gsanet.prepare.ytvos import YTVOS

DATASETS: dict[str, DataSet] = {
    d.name: d for d in (DUTS, DAVIS16, DAVIS17, YTVOS, FBMS, YOUTUBE_OBJECTS, SEGTRACK, DAVSOD, FOLDER, COCO)
}


def dataset(name: str) -> DataSet:
    """The data set called *name*.

    Raises:
        GsanetError: there is none.
    """
    if name not in DATASETS:
        raise GsanetError(f"unknown data set {name!r}: choose one of {', '.join(DATASETS)}")
    return DATASETS[name]
