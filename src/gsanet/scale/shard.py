"""One part in so many of a list of clips, for those who have a scheduler of their own."""

from __future__ import annotations

import re

from gsanet.base.errors import GsanetError

_WRITTEN = re.compile(r"(\d+)/(\d+)")


def parse_shard(text: str) -> slice:
    """``2/5`` -> every fifth clip from the second on.

    Clips are dealt out one by one, so that neighbours in a folder, which are often of one length, go to different
    shards. Which clips a shard has depends on the list alone: all shards must be given the same one.

    Raises:
        GsanetError: it is not written so, or the number is not within 1 to n.
    """
    match = _WRITTEN.fullmatch(text.strip())
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise GsanetError(f"a shard is written i/n, with i from 1 to n, as 2/5 for the second of five; got {text!r}")
    return slice(number - 1, None, count)
