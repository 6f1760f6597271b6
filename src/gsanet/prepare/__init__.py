"""Official downloads to the data layout: one file a data set, one table, and a small core that reads and writes."""

from gsanet.prepare.conversion import PartReport, Report, prepare_dataset
from gsanet.prepare.datasets import DATASETS
from gsanet.prepare.plan import Choices

__all__ = ["DATASETS", "Choices", "PartReport", "Report", "prepare_dataset"]
