"""gsanet: any video in, the mask of its prominent object out, with no prompt."""

__version__ = "0.1.0"
