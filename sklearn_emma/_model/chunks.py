"""Many rows in chunks, so that memory stays bounded."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np

# glibc learns from blocks of up to 2²⁵ bytes, with what it adds itself.
_LARGEST_LEARNT = 2**25 - 2**16


def row_chunks(X: np.ndarray, n_rows: int) -> Iterator[np.ndarray]:
    """Cut X into slices of at most ``n_rows`` rows; at least one slice.

    Pages of a memory-mapped file count as memory of the process once they have been
    read. They are released after each slice, since the file still has them. Memory
    that is freed between slices may be kept by the process, to be used again.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        May be a memory map, or a view of one.
    n_rows : int
        Largest number of rows in a slice.

    Yields
    ------
    ndarray of shape (<= n_rows, d)
        View of X.
    """
    file = _mapped_file(X)
    if len(X) > n_rows:
        _keep_freed_memory()
    for start in range(0, max(len(X), 1), n_rows):
        yield X[start : start + n_rows]
        if file is not None and hasattr(mmap, "MADV_DONTNEED"):
            file.madvise(mmap.MADV_DONTNEED)


def _keep_freed_memory() -> None:
    """Let the memory of one chunk serve the next.

    glibc hands memory back as soon as some blocks of a chunk are free, and asks for it
    page by page for the next chunk: up to a third of the time of scoring. It keeps
    blocks up to the size of one that it has seen freed, and then, in all of the
    process, up to twice as much in each of its arenas. The block itself is never
    touched and takes no memory. Other libraries learn nothing from it.
    """
    np.empty(_LARGEST_LEARNT, dtype=np.uint8)


def _mapped_file(X: np.ndarray) -> mmap.mmap | None:
    """The map that X is a view of, unless releasing its pages would lose changes.

    A copy-on-write map keeps changes in these pages and nowhere else.
    """
    mode: str | None = None
    owner: Any = X
    while isinstance(owner, np.ndarray):
        mode = owner.mode if isinstance(owner, np.memmap) else mode
        owner = owner.base
    shared = isinstance(owner, mmap.mmap) and mode in ("r", "r+", "w+")
    return owner if shared else None
