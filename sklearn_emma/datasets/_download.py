"""What a server sends, read within bounds of size and time."""

from __future__ import annotations

import io
import threading
import zipfile

# The largest answer, file of an archive, or file on disk that is read.
MOST_BYTES = 2**25
# How long a server may be silent, and how long all of its answer may take.
_SILENT_SECONDS = 30.0
_TOTAL_SECONDS = 300.0


def read_url(url: str) -> bytes:
    """Read the answer to a GET request into memory.

    Raises
    ------
    OSError
        If there is none, or it is an error, larger than ``MOST_BYTES`` or too slow.
    """
    import requests  # here: it takes long to import, and few download anything

    answer, errors, late = io.BytesIO(), list[Exception](), threading.Event()

    def read() -> None:
        try:
            with requests.get(url, timeout=_SILENT_SECONDS, stream=True) as response:
                response.raise_for_status()
                for piece in response.iter_content(2**14):
                    if late.is_set():
                        return
                    answer.write(piece)
                    check_size(answer.tell(), "the answer")
        except Exception as error:
            errors.append(error)

    # A server that sends a byte now and then keeps any read waiting without end, so
    # the reading is left behind when time is over.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(_TOTAL_SECONDS)
    late.set()
    if reader.is_alive():
        raise OSError(f"the answer was not complete after {_TOTAL_SECONDS:g} seconds")
    if errors:
        raise errors[0]
    return answer.getvalue()


def read_member(archive: bytes, name: str) -> bytes:
    """Read a file in a zip archive.

    Damaged archives raise a zoo of errors: BadZipFile, zlib.error, KeyError, EOFError,
    NotImplementedError, RuntimeError, struct.error ...

    Raises
    ------
    OSError
        If it is larger than ``MOST_BYTES``.
    """
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as members,
        members.open(name) as member,
    ):
        content = member.read(MOST_BYTES + 1)
    check_size(len(content), name)
    return content


def check_size(n_bytes: int, what: str) -> None:
    """Check that so much may be read.

    Raises
    ------
    OSError
        Says what is too large.
    """
    if n_bytes > MOST_BYTES:
        raise OSError(f"{what} is larger than {MOST_BYTES:,} bytes")
