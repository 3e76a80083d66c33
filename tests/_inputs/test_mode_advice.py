"""What users write in place of modes gets an error that says what to write."""

import numpy as np
import pandas as pd
import pytest

from sklearn_emma._inputs.modes import resolve_modes

ARRAY = np.zeros((3, 7))
NAMES = ["ip_mean", "ip_std", "ip_kurt", "dm_mean", "dm_std", "snr.1", "speed"]
FRAME = pd.DataFrame(ARRAY, columns=NAMES)


@pytest.mark.parametrize(
    ("X", "modes", "write"),
    [
        (
            ARRAY,
            [("a", [0, 1, 2]), ("b", slice(3, 7))],
            r"in a dict: modes=\{'a': \[0, 1, 2\], 'b': slice\(3, 7, None\)\}",
        ),
        (
            FRAME,
            [("a", "passthrough", ["ip_mean"]), ("b", "drop", ["speed"])],
            r"modes=\{'a': \['ip_mean'\], 'b': \['speed'\]\}",
        ),
        (
            ARRAY,
            ["a", "a", "a", "b", "b", "c", "d"],
            r"label for each .*\{'a': \[0, 1, 2\], 'b': \[3, 4\], 'c': \[5\], \.\.\.\}",
        ),
        (
            FRAME,
            ["a", "a", "a", "b", "b", "c", "c"],
            r"=\{'a': \['ip_mean', 'ip_std', 'ip_kurt'\], 'b': \['dm_mean', 'dm_std'\]",
        ),
        (
            ARRAY,
            [0, 0, 0, 1, 1, 2, 2],
            r"label for.*'mode0': \[0, 1, 2\], 'mode1': \[3, 4\], 'mode2': \[5, 6\]",
        ),
        (
            FRAME,
            {"ip_mean": "ip", "ip_std": "ip", "dm_mean": "dm"},
            r"from columns to.*\{'ip': \['ip_mean', 'ip_std'\], 'dm': \['dm_mean'\]\}",
        ),
        (
            ARRAY,
            {0: "a", 1: "a", 2: "b"},
            r"from columns to modes.*modes=\{'a': \[0, 1\], 'b': \[2\]\}",
        ),
        (ARRAY, {"a": [[0, 1], [2]]}, r"Mode 'a': .*one list .*: \[0, 1, 2\]"),
        (
            FRAME,
            {"a": ["speed", ["ip_mean"]]},
            r"Mode 'a': .*one list of columns.*\['speed', 'ip_mean'\]",
        ),
        (FRAME, {"ip": "ip"}, r"no column 'ip'.*\['ip_mean', 'ip_std', 'ip_kurt'\]"),
        (FRAME, {"ip": "ip_*"}, r"no column 'ip_\*'.*make_column_selector\('\^ip_'\)"),
        (FRAME, {"snr": ["snr.*"]}, r"make_column_selector\('\^snr\\\\\.'\)"),
        (FRAME, {"v": ["sped"]}, r"Mode 'v'.*no column 'sped'\. Did you mean 'speed'"),
        (FRAME, {"v": slice("spee", "speed")}, "no column 'spee'"),
        (ARRAY, {"a": [0, 99]}, "Mode 'a'.*column 99 is out.* 7 columns, 0 to 6"),
        (ARRAY, {"a": [-8]}, "column -8 is out of range"),
        (FRAME, {"a": 7}, "column 7 is out of range"),
        (ARRAY, {"a": True}, "Mode 'a'.*True names no column"),
        (ARRAY, {"a": [True, False]}, "Mode 'a'.*mask needs an entry .*7 .*got 2"),
        (ARRAY, {"a": slice(0, 4, 0)}, "Mode 'a'.*slice step cannot be zero"),
        (ARRAY, {"a": ["ip_mean"]}, r"no names.*\.set_output\(transform='pandas'\)"),
    ],
    ids=str,
)  # fmt: skip
def test_the_error_says_what_to_write(X, modes, write):
    with pytest.raises(ValueError, match=write):
        resolve_modes(X, modes, "drop")


@pytest.mark.parametrize(
    "modes",
    [
        ["ip_mean", "ip_std"],
        [("ip_mean", "ip_std"), ("dm_mean", "dm_std")],
        NAMES,
        list(range(7)),
        {"speed": "speed", "mean": "ip_mean"},
        {"ip_std": "ip_mean", "ip_mean": "ip_std"},
    ],
    ids=str,
)
def test_what_is_right_is_no_guess(modes):
    assert resolve_modes(FRAME, modes, "drop")


def test_a_column_that_is_named_twice_is_said_to_be_in_two_modes():
    two = pd.DataFrame(np.zeros((2, 2)), columns=["u", "v"])
    with pytest.raises(ValueError, match="overlap: column 'u'"):
        resolve_modes(two, ["u", "u"], "drop")
