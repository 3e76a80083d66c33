"""Chunks of rows against plain slices; pages of a file are given back, data are not."""

import mmap
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_emma._model.chunks import row_chunks

on_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc"
)


@pytest.fixture
def path(tmp_path):
    """A file of 4,000,000 rows, 2 columns, 32 MB."""
    np.save(tmp_path / "X.npy", np.arange(8_000_000, dtype="f4").reshape(-1, 2))
    return tmp_path / "X.npy"


def resident_file_pages():
    """MB of mapped files in the memory of this process."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("RssFile"))
    return int(line.split()[1]) / 1e3


@pytest.mark.parametrize("n", [0, 1, 6, 7])
@pytest.mark.parametrize("n_rows", [1, 3, 7, 100])
def test_chunks_are_slices_in_order(n, n_rows):
    X = np.arange(2 * n).reshape(n, 2)
    chunks = list(row_chunks(X, n_rows))
    np.testing.assert_array_equal(np.concatenate(chunks), X)
    assert all(len(chunk) <= n_rows for chunk in chunks) and chunks
    assert all(np.shares_memory(chunk, X) for chunk in chunks if n)


@on_linux
@pytest.mark.parametrize("view", [np.asarray, lambda X: X[1:], lambda X: X[:, ::-1]])
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_pages_of_a_file_are_given_back(path, mode, view):
    X = view(np.load(path, mmap_mode=mode))
    before = resident_file_pages()
    seen = []
    for rows in row_chunks(X, 500_000):
        rows.sum()
        seen.append(resident_file_pages() - before)
    assert 3 < max(seen) < 10  # 4 MB a chunk
    X.sum()
    assert resident_file_pages() - before > 25  # so reading does count


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_was_written_to_a_map_stays(path, mode):
    X = np.load(path, mmap_mode=mode)
    X[::1000] = -1.0
    expected = np.array(X)
    for rows in row_chunks(X, 500_000):
        rows.sum()
    np.testing.assert_array_equal(X, expected)


FAULTS_OF_CHUNKS = """
import resource

import numpy as np

from sklearn_emma._model.chunks import row_chunks


def faults(n_rows):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for rows in row_chunks(np.zeros((20, 2)), n_rows):
        blocks = [np.ones(500_000) for _ in range(4)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def pages():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])


first, before = faults(20), pages()
few = faults(20)
print(min(first, few), faults(1), faults(1), pages() - before)
"""


@on_linux
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries differ")
def test_memory_of_a_chunk_serves_the_next():
    """16 MB of each of 20 chunks are 80,000 pages; one chunk is 4,000.

    With one chunk only, nothing is kept; and never more than what was used.
    """
    code = [sys.executable, "-c", FAULTS_OF_CHUNKS]
    ran = subprocess.run(code, check=True, capture_output=True, text=True)
    of_one, first, second, more = map(int, ran.stdout.split())
    assert of_one > 3_000
    assert first < 8_000 and second < 1_000
    assert more < 5_000


def test_a_map_of_memory_without_a_file_is_left_alone():
    anonymous = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    X = np.ndarray((1 << 17, 2), dtype="f4", buffer=anonymous)
    X[:] = 5.0
    assert sum(rows.sum() for rows in row_chunks(X, 1000)) == X.size * 5
    assert np.all(X == 5.0)
