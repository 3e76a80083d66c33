"""A callback may stop a training; Ctrl-C stops the program."""

import signal
import threading

import pytest

from sklearn_emma._optim.interrupts import asks_to_stop


def press():
    signal.raise_signal(signal.SIGINT)


def stop():
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def handler_is_as_before():
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def handled_by():
    """Set another handler for the test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


def test_a_callback_that_raises_asks_to_stop():
    assert asks_to_stop(stop)
    assert not asks_to_stop(lambda: None)


def test_ctrl_c_is_no_wish_of_a_callback():
    with pytest.raises(KeyboardInterrupt):
        asks_to_stop(press)


def test_ctrl_c_that_a_callback_hands_on_is_still_the_user_s():
    def hand_on():
        try:
            press()
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt("saved") from error

    with pytest.raises(KeyboardInterrupt, match="saved"):
        asks_to_stop(hand_on)


def test_an_earlier_interrupt_does_not_count_later():
    with pytest.raises(KeyboardInterrupt):
        asks_to_stop(press)
    assert asks_to_stop(stop)


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError):
        asks_to_stop(lambda: 1 / 0)


def test_a_handler_of_the_user_is_called_and_may_go_on(handled_by):
    seen = []
    handled_by(lambda number, frame: seen.append(number))

    def press_and_stop():
        press()
        stop()

    assert not asks_to_stop(press)
    assert asks_to_stop(press_and_stop)
    assert seen == [signal.SIGINT] * 2


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_where_signals_are_not_handled_in_python_a_callback_may_stop(
    handled_by, handler
):
    handled_by(handler)
    assert asks_to_stop(stop)


def test_a_handler_that_a_callback_sets_stays(handled_by):
    def mine(number, frame):
        pass

    assert not asks_to_stop(lambda: handled_by(mine))
    assert signal.getsignal(signal.SIGINT) is mine


def test_in_another_thread_a_callback_may_stop():
    found = []
    thread = threading.Thread(target=lambda: found.append(asks_to_stop(stop)))
    thread.start()
    thread.join()
    assert found == [True]
