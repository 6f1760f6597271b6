"""``python -m gsanet``."""

from gsanet.cli import main

main()
