"""Official downloads to the data layout: one file a data set, one table, and a small core that reads and writes."""

from gsanet.prepare.datasets import DATASETS
from gsanet.prepare.plan import Options
from gsanet.prepare.run import PartReport, Report, prepare

__all__ = ["DATASETS", "Options", "PartReport", "Report", "prepare"]
