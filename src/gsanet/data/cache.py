"""Decoded pictures as plain arrays on disk, so that training spends its time on training.

A cache is one file of bytes and a small index; it is memory-mapped, so several loader processes share it
and the operating system keeps what is used often. One that has become old is replaced, not kept beside the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsanet.base.atomic import write_text, written_whole

Arrays = tuple[NDArray[np.uint8], ...]

Progress = Callable[[int, int], None]
"""Called with (done, to do), from one thread at a time."""

_INDEX = "index.json"


class Decoder:
    """What :class:`ArrayCache` is, without the file: each item is decoded whenever it is asked for."""

    def __init__(self, items: Sequence[Any], load: Callable[[Any], Arrays]) -> None:
        self._items, self._load = items, load

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> Arrays:
        return self._load(self._items[number])


def decoded(
    cache: Path | None,
    items: Sequence[Any],
    load: Callable[[Any], Arrays],
    key: Iterable[object],
    stamp: Iterable[object],
    progress: Progress | None = None,
) -> ArrayCache | Decoder:
    """``load(item)`` for all *items*, by number: from the folder *cache*, filled if need be, or None: each time anew.

    Arguments as :meth:`ArrayCache.build`; *key* and *stamp* are not looked at without a cache.
    """
    return Decoder(items, load) if cache is None else ArrayCache.build(cache, items, load, key, stamp, progress)


class ArrayCache:
    """Tuples of uint8 arrays by number. Build with :meth:`build`, read with ``cache[i]``."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / _INDEX).read_text())
        self._shapes: list[list[list[int]]] = index["shapes"]
        self._offsets: list[int] = index["offsets"]
        self._file = folder / index["data"]
        self._data: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self._shapes)

    def __getstate__(self) -> dict[str, Any]:
        # A loader process maps the file itself.
        return {**self.__dict__, "_data": None}

    def __getitem__(self, number: int) -> Arrays:
        if self._data is None:
            self._data = np.memmap(self._file, dtype=np.uint8, mode="r")
        start, arrays = self._offsets[number], []
        for shape in self._shapes[number]:
            size = int(np.prod(shape))
            arrays.append(np.asarray(self._data[start : start + size]).reshape(shape))
            start += size
        return tuple(arrays)

    @classmethod
    def build(
        cls,
        root: Path,
        items: Sequence[Any],
        load: Callable[[Any], Arrays],
        key: Iterable[object],
        stamp: Iterable[object],
        progress: Progress | None = None,
    ) -> ArrayCache:
        """The cache of ``load(item)`` for all *items*, made now unless *root* has it already.

        Args:
            root: folder of all caches; this one gets a folder named by *key*.
            key: what the arrays are made of and how (names of files, sizes, ...).
            stamp: what tells whether that has changed since (times of files): then the cache is made anew, in place
                of the old one.
            progress: called with done and total.

        Raises:
            GsanetError: of *load*, or the cache cannot be written: a full disk leaves no half of it.
        """
        folder, data = root / _digest(key), f"data.{_digest(stamp)}.bin"
        index = folder / _INDEX
        if index.is_file():
            found = cls(folder)
            if found._file.name == data:
                return found
        shapes, offsets, position = [], [], 0
        with (
            written_whole(folder / data, parents=True) as part,
            part.open("wb") as file,
            ThreadPoolExecutor(max_workers=os.cpu_count()) as pool,
        ):
            # A bounded window: map() alone would decode everything ahead of the disk.
            for start in range(0, len(items), 256):
                for arrays in pool.map(load, items[start : start + 256]):
                    shapes.append([list(a.shape) for a in arrays])
                    offsets.append(position)
                    for array in arrays:
                        file.write(np.ascontiguousarray(array, dtype=np.uint8).tobytes())
                        position += array.size
                if progress:
                    progress(len(shapes), len(items))
        # The index last: what it names is there.
        write_text(index, json.dumps({"data": data, "shapes": shapes, "offsets": offsets}))
        for old in folder.glob("data.*.bin"):
            if old.name != data:
                old.unlink(missing_ok=True)
        return cls(folder)


def _digest(things: Iterable[object]) -> str:
    return hashlib.sha256(repr(list(things)).encode()).hexdigest()[:16]
