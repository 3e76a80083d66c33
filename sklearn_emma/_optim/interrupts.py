"""Ctrl-C, told from a callback that asks for training to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def asks_to_stop(notify: Callable[[], object]) -> bool:
    """Whether a callback asks for training to stop, as ``notify`` tells them.

    skorch's callbacks do so by a KeyboardInterrupt that they raise themselves. One that
    comes from the user is raised here too.
    """
    with _interrupts_of_the_user() as pressed:
        try:
            notify()
        except KeyboardInterrupt:
            if pressed:
                raise
            return True
    return False


@contextmanager
def _interrupts_of_the_user() -> Iterator[list[KeyboardInterrupt]]:
    """Collect what the handler of Ctrl-C raises; it is called in the main thread."""
    pressed: list[KeyboardInterrupt] = []
    handler = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or not callable(handler):
        yield pressed
        return

    def note(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except KeyboardInterrupt as interrupt:
            pressed.append(interrupt)
            raise

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        if signal.getsignal(signal.SIGINT) is note:  # a callback may have set another
            signal.signal(signal.SIGINT, handler)
