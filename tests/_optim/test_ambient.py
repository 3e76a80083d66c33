"""Inside, everything is as in a process that has set nothing; outside, as it was."""

import threading
import timeit

import numpy as np
import pytest
import sklearn
import torch

from helpers import ambient_states
from sklearn_emma._optim.ambient import _SHARED, ordinary_state


def settings():
    """All that the context promises."""
    return {
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "anomalies": torch.is_anomaly_enabled(),
        "errors": np.geterr(),
        "config": sklearn.get_config(),
    }


ORDINARY = settings()


@pytest.mark.parametrize("state", ambient_states())
def test_a_setting_is_ordinary_inside_and_back_afterwards(state):
    with ambient_states()[state]():
        before = settings()
        assert before != ORDINARY
        for error in (None, ZeroDivisionError, KeyboardInterrupt):
            try:
                with ordinary_state():
                    assert settings() == ORDINARY
                    if error is not None:
                        raise error
            except (ZeroDivisionError, KeyboardInterrupt):
                pass
            assert settings() == before
    assert settings() == ORDINARY


def test_what_users_say_of_metadata_and_validation_stays():
    said = {"enable_metadata_routing": True, "skip_parameter_validation": True}
    with sklearn.config_context(assume_finite=True, **said), ordinary_state():
        config = sklearn.get_config()
    assert not config["assume_finite"]
    assert all(config[name] for name in said)


def test_a_context_within_a_context_changes_nothing_more():
    with ambient_states()["default dtype"]():
        with ordinary_state():
            with ordinary_state():
                assert settings() == ORDINARY
            assert settings() == ORDINARY
        assert torch.get_default_dtype() == torch.float64


def test_what_one_thread_found_does_not_come_back_while_another_computes():
    entered, leave, seen = threading.Event(), threading.Event(), []

    def compute():
        with ordinary_state():
            entered.set()
            leave.wait(10)
            seen.append(torch.get_default_dtype())

    with ambient_states()["default dtype"]():
        with ordinary_state():
            other = threading.Thread(target=compute)
            other.start()
            entered.wait(10)
        leave.set()
        other.join()
        assert seen == [torch.float32]
        assert torch.get_default_dtype() == torch.float64


def test_it_costs_a_small_part_of_a_prediction():
    """A row takes a millisecond; the bound leaves room for a busy machine."""

    @ordinary_state()
    def nothing():
        pass

    assert min(timeit.repeat(nothing, number=200, repeat=20)) / 200 < 100e-6


def test_nothing_is_left_of_threads_that_have_gone():
    with ordinary_state():
        pass
    assert not _SHARED._inside and _SHARED._found is None
