"""HTRU2: downloads against a local server, failures, and the real data if present."""

import errno
import hashlib
import http.server
import io
import os
import shutil
import socket
import threading
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma.datasets import _download, _htru2, fetch_htru2

CSV = b"".join(b"%d.5,2,-3,4,5,6,7,8e-1,%d\n" % (row, row % 3 == 0) for row in range(6))
NUMBERS = np.loadtxt(io.BytesIO(CSV), delimiter=",").astype("<f8").tobytes()


def zip_of(content, name="HTRU_2.csv"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Readme.txt", "Pulsars, and what looks like them.")
        archive.writestr(name, content)
    return buffer.getvalue()


ZIP = zip_of(CSV)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        # the last reply is given again and again
        index = min(server.n_requests, len(server.replies) - 1)
        server.n_requests += 1
        status, body, declared_length = server.replies[index]
        self.send_response(status)
        self.send_header("Content-Length", str(declared_length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def reply(body, status=200, declared_length=None):
    return status, body, len(body) if declared_length is None else declared_length


@pytest.fixture
def stand_in(monkeypatch):
    """Small data take the place of HTRU2, and no address leads to the network."""
    monkeypatch.setattr(_htru2, "_SHA256", hashlib.sha256(CSV).hexdigest())
    monkeypatch.setattr(_htru2, "_NUMBERS_SHA256", hashlib.sha256(NUMBERS).hexdigest())
    monkeypatch.setattr(_htru2, "_N_ROWS", 6)
    monkeypatch.setattr(_htru2, "_N_POSITIVE", 2)
    monkeypatch.setattr(_htru2, "_URL", "http://127.0.0.1:9/none.zip")
    monkeypatch.delenv("SKLEARN_EMMA_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server(stand_in, monkeypatch):
    """A real server, which gives its `replies` one after the other."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as instance:
        instance.replies, instance.n_requests = [reply(ZIP)], 0
        address = f"http://127.0.0.1:{instance.server_port}/htru2.zip"
        monkeypatch.setattr(_htru2, "_URL", address)
        thread = threading.Thread(target=instance.serve_forever, args=(0.01,))
        thread.start()
        yield instance
        instance.shutdown()
        thread.join()


@pytest.fixture
def cached(stand_in, tmp_path):
    """A folder that has the data already."""
    (tmp_path / "HTRU_2.csv").write_bytes(CSV)
    return tmp_path


def listing(folder):
    return sorted(path.name for path in folder.rglob("*"))


# ---------------------------------------------------------------------- download


def test_download_is_cached_as_one_plain_file(server, tmp_path):
    home = tmp_path / "not" / "yet"
    first = fetch_htru2(data_home=home)
    second = fetch_htru2(data_home=str(home))
    assert server.n_requests == 1
    assert listing(home) == ["HTRU_2.csv"]
    assert (home / "HTRU_2.csv").read_bytes() == CSV
    assert first.filename == second.filename == str(home / "HTRU_2.csv")
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(first.data[4], [4.5, 2, -3, 4, 5, 6, 7, 0.8])
    np.testing.assert_array_equal(first.target, [1, 0, 0, 1, 0, 0])
    assert first.data.dtype == np.float64 and first.data.flags.c_contiguous
    assert np.issubdtype(first.target.dtype, np.integer)


def test_cached_file_has_the_permissions_of_any_new_file(server, tmp_path):
    fetch_htru2(data_home=tmp_path)
    (tmp_path / "other").touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("HTRU_2.csv", "other")]
    assert modes[0] == modes[1]


FAILURES = {
    "no zip": (reply(b"<html>Sorry</html>"), "HTRU_2.csv: BadZipFile"),
    "empty": (reply(b""), "HTRU_2.csv: BadZipFile"),
    "other content": (reply(zip_of(CSV + b"1")), "expected SHA-256"),
    "no such file": (reply(zip_of(CSV, "data.csv")), "HTRU_2.csv: KeyError"),
    "truncated file": (reply(ZIP[: len(ZIP) // 2]), "HTRU_2.csv: BadZipFile"),
    "connection lost": (
        reply(ZIP[: len(ZIP) // 2], declared_length=len(ZIP)),
        "Could not download",
    ),
    "not found": (reply(b"", status=404), "404"),
    "server error": (reply(b"", status=500), "500"),
}


@pytest.mark.parametrize(("bad_reply", "message"), FAILURES.values(), ids=FAILURES)
def test_failed_download_leaves_nothing_behind(server, tmp_path, bad_reply, message):
    server.replies = [bad_reply]
    used, unused = tmp_path / "used", tmp_path / "unused"
    used.mkdir()
    (used / "mine.txt").touch()
    for home in (used, unused):
        with pytest.raises(OSError, match=message) as caught:
            fetch_htru2(data_home=home, n_retries=0)
        assert _htru2._URL in str(caught.value)
        assert str(home / "HTRU_2.csv") in str(caught.value)
    assert listing(tmp_path) == ["mine.txt", "used"]
    server.replies = [reply(ZIP)]
    assert len(fetch_htru2(data_home=unused).data) == 6


def test_offline(stand_in, tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(_htru2, "_URL", f"http://127.0.0.1:{port}/htru2.zip")
    with pytest.raises(OSError, match="Check the connection and try again; or get"):
        fetch_htru2(data_home=tmp_path, n_retries=0)
    assert listing(tmp_path) == []


def test_retries_until_success(server, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(_htru2.time, "sleep", pauses.append)
    server.replies = [reply(b"", status=503), reply(ZIP[:99]), reply(ZIP)]
    with pytest.warns(UserWarning, match="trying again") as warned:
        bunch = fetch_htru2(data_home=tmp_path, n_retries=2, delay=0.25)
    assert len(bunch.data) == 6
    assert server.n_requests == 3
    assert pauses == [0.25, 0.25]
    assert len(warned) == 2
    # the warning points to the caller, not into the package
    assert {warning.filename for warning in warned} == {__file__}


def test_gives_up_after_the_last_retry(server, tmp_path):
    server.replies = [reply(b"", status=503)]
    with pytest.warns(UserWarning), pytest.raises(OSError, match="503"):
        fetch_htru2(data_home=tmp_path, n_retries=2, delay=0)
    assert server.n_requests == 3


def test_failed_write_leaves_nothing_behind(server, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_htru2.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        fetch_htru2(data_home=tmp_path)
    assert listing(tmp_path) == []


@given(position=st.integers(0, len(ZIP) - 1), value=st.integers(0, 255))
def test_damaged_archive_gives_the_data_or_an_oserror(position, value):
    damaged = bytearray(ZIP)
    damaged[position] = value
    try:
        content = _htru2._unzip(bytes(damaged))
    except OSError as error:
        assert "HTRU_2.csv" in str(error)
    else:
        # zip's own check, CRC-32, finds any change of a single byte
        assert content == CSV


# ------------------------------------------------------------------------- cache


def test_missing_without_download(server, tmp_path):
    home = tmp_path / "none"
    with pytest.raises(OSError, match="`download_if_missing` is False") as caught:
        fetch_htru2(data_home=home, download_if_missing=False)
    assert str(home / "HTRU_2.csv") in str(caught.value)
    assert server.n_requests == 0
    assert not home.exists()


@pytest.mark.parametrize("content", [CSV[:-3], CSV.replace(b"4.5", b"4.6"), b""])
def test_corrupt_cache(server, tmp_path, content):
    path = tmp_path / "HTRU_2.csv"
    path.write_bytes(content)
    with pytest.raises(OSError, match="move or rename this file, and call") as caught:
        fetch_htru2(data_home=tmp_path)
    assert "elete" not in str(caught.value)  # it may be the user's own
    for part in (str(path), _htru2._NUMBERS_SHA256, f"({len(content)} bytes)"):
        assert part in str(caught.value)
    assert path.read_bytes() == content
    path.unlink()
    assert len(fetch_htru2(data_home=tmp_path).data) == 6


def test_line_ends_of_windows_are_accepted(stand_in, tmp_path):
    (tmp_path / "HTRU_2.csv").write_bytes(CSV.replace(b"\n", b"\r\n"))
    bunch = fetch_htru2(data_home=tmp_path, download_if_missing=False)
    np.testing.assert_array_equal(bunch.target, [1, 0, 0, 1, 0, 0])


def test_folder_that_has_the_data_is_only_read(cached, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("nothing may be written")

    for target, name in [
        (_htru2, "_store"),
        (_htru2.os, "replace"),
        (_htru2.tempfile, "TemporaryDirectory"),
        (Path, "mkdir"),
        (Path, "write_bytes"),
    ]:
        monkeypatch.setattr(target, name, forbidden)
    before = (cached / "HTRU_2.csv").stat()
    fetch_htru2(data_home=cached)
    after = (cached / "HTRU_2.csv").stat()
    assert before.st_mtime_ns == after.st_mtime_ns
    assert listing(cached) == ["HTRU_2.csv"]


HEADER = b",".join(b"c%d" % column for column in range(9)) + b"\n"
FRAME = pd.read_csv(io.BytesIO(CSV), header=None)
OWN_COPIES = {
    "header": HEADER + CSV,
    "header of Windows": (HEADER + CSV).replace(b"\n", b"\r\n"),
    "empty line below the header": HEADER + b"\n" + CSV,
    "saved by pandas": FRAME.to_csv().encode(),
    "saved by pandas without a header": FRAME.to_csv(header=False).encode(),
    "rows counted from 1": FRAME.set_index(FRAME.index + 1).to_csv().encode(),
    "other digits": CSV.replace(b"8e-1", b"0.800"),
    "no line end": CSV.rstrip(),
}


@pytest.mark.parametrize("content", OWN_COPIES.values(), ids=OWN_COPIES)
def test_a_copy_of_the_users_own_is_recognised(cached, tmp_path_factory, content):
    own = tmp_path_factory.mktemp("own")
    (own / "HTRU_2.csv").write_bytes(content)
    expected = fetch_htru2(data_home=cached)
    found = fetch_htru2(data_home=own)
    np.testing.assert_array_equal(found.data, expected.data)
    np.testing.assert_array_equal(found.target, expected.target)
    assert (own / "HTRU_2.csv").read_bytes() == content


OTHERS = {
    "header alone": (HEADER, r"\(0, 0, 0\)"),
    "fewer rows": (CSV[: len(CSV) // 2 + 1].rsplit(b"\n", 1)[0], r"\(3, 9, 1\)"),
    "more columns": (CSV.replace(b"-3", b"-3,-3"), r"\(6, 10, 2\)"),
    "ragged": (CSV + b"1,2\n", r"\(0, 0, 0\)"),
    "no numbers": (b"\x89PNG\r\n\x1a\n\xff", r"\(0, 0, 0\)"),
    "other separator": (CSV.replace(b",", b";"), r"\(0, 0, 0\)"),
}


@pytest.mark.parametrize(("content", "found"), OTHERS.values(), ids=OTHERS)
def test_what_is_in_another_file_is_told(stand_in, tmp_path, content, found):
    (tmp_path / "HTRU_2.csv").write_bytes(content)
    with pytest.raises(OSError, match=rf"{found} rows, columns and pulsars"):
        fetch_htru2(data_home=tmp_path)


def test_a_file_of_any_size_is_not_read(cached, monkeypatch):
    monkeypatch.setattr(_download, "MOST_BYTES", len(CSV) - 1)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(OSError, match=r"HTRU_2.csv' is larger than \d+ bytes"):
        fetch_htru2(data_home=cached)


def test_where_the_data_are_looked_for(cached, monkeypatch, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy")
    shutil.copy(cached / "HTRU_2.csv", copy)
    empty = tmp_path_factory.mktemp("empty")

    # 1. the cache of the user, under the name of the package
    monkeypatch.setattr(_htru2.pooch, "os_cache", lambda name: cached / f"../{name}")
    with pytest.raises(OSError, match=r"sklearn_emma.HTRU_2\.csv"):
        fetch_htru2(download_if_missing=False)
    monkeypatch.setattr(_htru2.pooch, "os_cache", lambda name: cached)
    assert fetch_htru2().filename == str(cached / "HTRU_2.csv")
    # 2. the environment variable, unless it is empty
    monkeypatch.setenv("SKLEARN_EMMA_DATA", "")
    assert fetch_htru2().filename == str(cached / "HTRU_2.csv")
    monkeypatch.setenv("SKLEARN_EMMA_DATA", str(copy))
    assert fetch_htru2().filename == str(copy / "HTRU_2.csv")
    # 3. the argument
    with pytest.raises(OSError, match="not found"):
        fetch_htru2(data_home=empty, download_if_missing=False)


def test_home_folder_is_expanded(cached, monkeypatch):
    monkeypatch.setenv("HOME", str(cached.parent))
    monkeypatch.setenv("USERPROFILE", str(cached.parent))
    assert len(fetch_htru2(data_home=f"~/{cached.name}").data) == 6


# -------------------------------------------------------------------- the answer


def test_bunch(cached):
    bunch = fetch_htru2(data_home=cached)
    statistics = ["mean", "std", "kurtosis", "skewness"]
    assert bunch.feature_names == [
        f"{m}__{s}" for m in ("ip", "dm") for s in statistics
    ]
    assert bunch.modes == {"ip": [0, 1, 2, 3], "dm": [4, 5, 6, 7]}
    assert list(bunch.target_names) == ["background", "pulsar"]
    assert bunch.frame is None
    for part in ("CC BY 4.0", "UCI Machine Learning Repository", "R. J. Lyon"):
        assert part in bunch.DESCR
    X, y = fetch_htru2(data_home=cached, return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_names_belong_to_the_caller(cached):
    fetch_htru2(data_home=cached).feature_names.clear()
    assert len(fetch_htru2(data_home=cached).feature_names) == 8


def test_as_frame(cached):
    arrays = fetch_htru2(data_home=cached)
    frames = fetch_htru2(data_home=cached, as_frame=True)
    assert list(frames.frame.columns) == [*arrays.feature_names, "target"]
    np.testing.assert_array_equal(frames.data.to_numpy(), arrays.data)
    np.testing.assert_array_equal(frames.target.to_numpy(), arrays.target)
    assert frames.modes == {
        "ip": arrays.feature_names[:4],
        "dm": arrays.feature_names[4:],
    }
    X, y = fetch_htru2(data_home=cached, as_frame=True, return_X_y=True)
    assert isinstance(X, pd.DataFrame) and isinstance(y, pd.Series)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_retries", -1), ("n_retries", 1.5), ("delay", -1), ("delay", float("nan"))],
)
def test_rejects_bad_parameters(cached, name, value):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        fetch_htru2(data_home=cached, **{name: value})


# ----------------------------------------------------------------- the real data


@pytest.fixture
def real_home():
    beside = Path(__file__).parents[3] / "shared" / "data"
    home = Path(os.environ.get("SKLEARN_EMMA_DATA") or beside)
    if not (home / "HTRU_2.csv").is_file():
        pytest.skip("no HTRU_2.csv: set SKLEARN_EMMA_DATA to the folder that has it")
    return home


def test_real_data(real_home):
    bunch = fetch_htru2(data_home=real_home, download_if_missing=False)
    assert bunch.data.shape == (17_898, 8)
    assert np.isfinite(bunch.data).all()
    np.testing.assert_array_equal(np.bincount(bunch.target), [16_259, 1_639])
    np.testing.assert_array_equal(
        bunch.data[0],
        [140.5625, 55.68378214, -0.234571412, -0.699648398]
        + [3.199832776, 19.11042633, 7.975531794, 74.24222492],
    )
    # A pulsar's profile is a narrow peak, hence its kurtosis; and with a peak at
    # one dispersion measure, its DM-SNR curve has the larger mean.
    ip_kurtosis = bunch.data[:, bunch.feature_names.index("ip__kurtosis")]
    dm_mean = bunch.data[:, bunch.feature_names.index("dm__mean")]
    pulsar = bunch.target_names[bunch.target] == "pulsar"
    assert ip_kurtosis[pulsar].mean() > 3 > 0.5 > ip_kurtosis[~pulsar].mean()
    assert dm_mean[pulsar].mean() > 40 > 10 > dm_mean[~pulsar].mean()


def test_real_data_from_a_server(real_home, tmp_path, server, monkeypatch):
    content = (real_home / "HTRU_2.csv").read_bytes()
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    address = f"http://127.0.0.1:{server.server_port}/htru2.zip"
    monkeypatch.setattr(_htru2, "_URL", address)
    server.replies = [reply(zip_of(content))]
    assert fetch_htru2(data_home=tmp_path).data.shape == (17_898, 8)
    assert (tmp_path / "HTRU_2.csv").stat().st_size == len(content)
