"""The HTRU2 pulsar candidates, fetched from the UCI repository and cached."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import time
import warnings
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import pooch

from sklearn_emma.datasets._bundled import Dataset, multimodal_bunch
from sklearn_emma.datasets._download import check_size, read_member, read_url
from sklearn_emma.datasets._generators import check_number

_URL = "https://archive.ics.uci.edu/static/public/372/htru2.zip"
_CSV_NAME = "HTRU_2.csv"
# Of the csv with plain "\n" line ends; the archive itself may be repacked.
_SHA256 = "c68b172018b211f819d96e2515bf1e0c6de804a1134014b3711a554fe8287f98"
# Of its numbers, row by row, as little-endian doubles.
_NUMBERS_SHA256 = "bff7e0d962f5762938f833075d6bbfd3ce229cdcfb30091b4ecaa7dca4a81a74"
_N_ROWS = 17_898
_N_POSITIVE = 1_639

_FEATURE_NAMES = [
    f"{mode}__{statistic}"
    for mode in ("ip", "dm")
    for statistic in ("mean", "std", "kurtosis", "skewness")
]

_DESCR = """\
HTRU2: pulsar candidates of the High Time Resolution Universe Survey (South)
----------------------------------------------------------------------------

17,898 candidates, of which 1,639 are real pulsars (class 1) and 16,259 are caused
by radio interference or noise (class 0). Eight features in two modes of four, the
mean, standard deviation, excess kurtosis and skewness

- `ip`: of the integrated pulse profile,
- `dm`: of the curve of signal-to-noise ratio against dispersion measure (DM-SNR).

There are no missing values.

Source: UCI Machine Learning Repository, data set 372, Robert Lyon (2017),
https://doi.org/10.24432/C5DK6R

Licence: Creative Commons Attribution 4.0 International (CC BY 4.0)

Citation: R. J. Lyon, B. W. Stappers, S. Cooper, J. M. Brooke, J. D. Knowles,
"Fifty years of pulsar candidate selection: from simple filters to a new principled
real-time classification approach", Monthly Notices of the Royal Astronomical
Society 459 (1), 1104-1123, 2016, https://doi.org/10.1093/mnras/stw656
"""


def fetch_htru2(
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Dataset:
    """Load the HTRU2 pulsar candidates, downloading them if necessary.

    Radio signals that may come from a pulsar, each described by its integrated
    pulse profile (mode ``"ip"``) and its DM-SNR curve (mode ``"dm"``).

    =================   ==============
    Classes                          2
    Samples per class     16259 / 1639
    Samples total                17898
    Dimensionality                   8
    Modes                            2
    Features                      real
    =================   ==============

    The file is accepted only if a checksum of its numbers is right: your own copy may
    have a header, a column of row numbers, or numbers written in another way. A
    download is checked before anything is written, so that a failure leaves the cache
    as it was; an answer that is too large or takes minutes is given up.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder in which ``HTRU_2.csv`` lies or is to be cached. None is the
        environment variable ``SKLEARN_EMMA_DATA`` if that is set, and otherwise
        the ``sklearn_emma`` folder of the user's cache. A folder that has the
        file already is only read.
    download_if_missing : bool, default=True
        If False, raise an OSError if the data is not locally available, instead
        of downloading it.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, the data is a pandas DataFrame whose columns are named
        ``mode__feature``, and the target a pandas Series.
    n_retries : int, default=3
        The number of further attempts after a download that failed.
    delay : float, default=1.0
        The number of seconds between attempts.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (17898, 8)
            The samples, not standardised.
        target : {ndarray, Series} of shape (17898,)
            The class of each sample: 1 for a pulsar, 0 for anything else.
        feature_names : list of str
            The names of the columns, ``mode__feature``.
        target_names : ndarray of str
            The names of the classes.
        modes : dict of str to list
            The columns of each mode, by index, or by name if `as_frame`.
        frame : DataFrame of shape (17898, 9) or None
            Data and target together; None unless `as_frame`.
        DESCR : str
            The description of the data set, its licence and its citation.
        filename : str
            The path of the file read.

    (data, target) : tuple if `return_X_y`
        The samples and their classes, as above.

    Raises
    ------
    OSError
        If the data is missing and `download_if_missing` is False, if it cannot
        be downloaded, or if the cached file is not the HTRU2 data set.
    ValueError
        If `n_retries` or `delay` is out of range.

    Warns
    -----
    UserWarning
        If a download failed and is tried again.

    References
    ----------
    .. [1] R. J. Lyon et al., "Fifty years of pulsar candidate selection: from
       simple filters to a new principled real-time classification approach",
       MNRAS 459, 1104-1123, 2016. Data: UCI Machine Learning Repository,
       https://doi.org/10.24432/C5DK6R, CC BY 4.0.

    Examples
    --------
    >>> from sklearn_emma.datasets import fetch_htru2
    >>> htru2 = fetch_htru2()  # doctest: +SKIP
    >>> htru2.data.shape  # doctest: +SKIP
    (17898, 8)
    >>> htru2.modes  # doctest: +SKIP
    {'ip': [0, 1, 2, 3], 'dm': [4, 5, 6, 7]}
    """
    check_number("n_retries", n_retries, Integral, 0)
    check_number("delay", delay, Real, 0)
    path = _data_folder(data_home) / _CSV_NAME
    if path.is_file():
        check_size(path.stat().st_size, repr(str(path)))
        table = _checked_table(path.read_bytes(), path)
    elif download_if_missing:
        content = _download(path, n_retries, delay)
        _store(content, path)
        table = _checked_table(content, path)
    else:
        raise OSError(
            f"HTRU2 data not found at {str(path)!r} and `download_if_missing` is False."
        )
    return multimodal_bunch(
        np.ascontiguousarray(table[:, :-1]),
        table[:, -1].astype(np.int64),
        feature_names=list(_FEATURE_NAMES),
        target_names=np.array(["background", "pulsar"]),
        DESCR=_DESCR,
        filename=str(path),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _data_folder(data_home: str | os.PathLike[str] | None) -> Path:
    """Folder of the data, which need not exist."""
    if data_home is None:
        data_home = os.environ.get("SKLEARN_EMMA_DATA") or pooch.os_cache(
            "sklearn_emma"
        )
    return Path(data_home).expanduser().absolute()


def _plain(content: bytes) -> bytes:
    """The same with plain line ends; copies pass through Windows or git."""
    return content.replace(b"\r\n", b"\n")


def _download(path: Path, n_retries: int, delay: float) -> bytes:
    """Download the csv that is missing at `path`, and verify it."""
    while True:
        try:  # in memory, so that nothing unverified ever touches the disk
            content = _plain(_unzip(read_url(_URL)))
            sha256 = hashlib.sha256(content).hexdigest()
            if sha256 == _SHA256:
                return content
            raise OSError(
                f"The {_CSV_NAME} of {_URL} is corrupt: expected SHA-256 {_SHA256}, "
                f"got {sha256} ({len(content)} bytes)."
            )
        except OSError as error:  # the errors of requests are OSErrors, too
            if n_retries == 0:
                raise OSError(
                    f"Could not download the HTRU2 data from {_URL} ({error}). "
                    "Check the connection and try again; or get the archive on "
                    f"another machine and save its {_CSV_NAME} as {str(path)!r}."
                ) from error
            warnings.warn(
                f"Downloading {_URL} failed ({error}); trying again.", stacklevel=3
            )
        n_retries -= 1
        time.sleep(delay)


def _unzip(archive: bytes) -> bytes:
    """Content of the csv in the archive, or an OSError."""
    try:
        return read_member(archive, _CSV_NAME)
    except Exception as error:
        raise OSError(
            f"{_URL} did not give a zip archive with a readable {_CSV_NAME}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _store(content: bytes, path: Path) -> None:
    """Write the file at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own, not a mkstemp file, whose permissions would shut out
    # the other users of a shared cache; beside `path`, as a move is atomic only
    # within a file system.
    with tempfile.TemporaryDirectory(prefix=".htru2-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        part.write_bytes(content)
        os.replace(part, path)


def _checked_table(content: bytes, path: Path) -> np.ndarray:
    """Features and classes (n, 9) of a copy of the csv, or an OSError."""
    n_columns = len(_FEATURE_NAMES) + 1
    table = _numbers(_plain(content), n_columns)
    sha256 = hashlib.sha256(table.astype("<f8").tobytes()).hexdigest()
    if sha256 != _NUMBERS_SHA256:
        found = (*table.shape, int(np.nansum(table[:, -1:])))
        expected = (_N_ROWS, n_columns, _N_POSITIVE)
        raise OSError(
            f"{str(path)!r} ({len(content)} bytes) is not the HTRU2 data set: it was "
            f"read as {found} rows, columns and pulsars, {expected} were expected, and "
            f"the SHA-256 of its numbers is {sha256} in place of {_NUMBERS_SHA256}. "
            "Give the folder of another copy as `data_home`; or move or rename this "
            "file, and call fetch_htru2 again to download the data."
        )
    return table


def _numbers(content: bytes, n_columns: int) -> np.ndarray:
    """Numbers of a csv without header and column of row numbers, (0, 0) if none."""
    empty = np.empty((0, 0))
    first, _, _ = content.partition(b"\n")
    try:
        [float(cell) for cell in first.split(b",")]
    except ValueError:  # a header
        content = content[len(first) :]
    if not content.strip():
        return empty
    try:
        table = np.loadtxt(io.BytesIO(content), delimiter=",", ndmin=2)
    except ValueError:
        return empty
    if table.shape[1] == n_columns + 1 and table[0, 0] in (0, 1):
        numbered = (np.diff(table[:, 0]) == 1).all()
        table = table[:, 1:] if numbered else table
    return np.ascontiguousarray(table)
