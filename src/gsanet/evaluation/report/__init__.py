"""The report people look at: one HTML file that asks for nothing from anywhere."""

from gsanet.evaluation.report.page import write_report

__all__ = ["write_report"]
