"""``python -m gsanet``."""

from gsanet.cli.entry import main

main()
