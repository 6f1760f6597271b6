"""Metrics and reports. Start at :func:`gsanet.evaluation.evaluate`."""

from gsanet.evaluation.evaluator import Evaluation, evaluate
from gsanet.evaluation.measures import boundary_accuracy, region_similarity
from gsanet.evaluation.protocols import PROTOCOLS
from gsanet.evaluation.result import Result

__all__ = ["PROTOCOLS", "Evaluation", "Result", "boundary_accuracy", "evaluate", "region_similarity"]
