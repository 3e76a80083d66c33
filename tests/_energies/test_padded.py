"""Modes of different width in one batch, padded."""

import torch

from sklearn_emma._energies.padded import PaddedModes, pad


class Sums(PaddedModes):
    """Of the columns that are not padded."""

    def __init__(self, columns):
        super().__init__(columns)
        self.used = torch.tensor(
            [[1.0] * len(c) + [0.0] * (3 - len(c)) for c in columns]
        )

    def of_values(self, modes):
        return (modes * self.used.unsqueeze(1)).sum(2)


X = torch.arange(24.0).view(4, 6)
COLUMNS = [[1], [0, 2, 4], [3, 5]]
EXPECTED = torch.stack([X[:, c].sum(1) for c in COLUMNS])


def test_each_mode_sees_its_columns():
    torch.testing.assert_close(Sums(COLUMNS)(X), EXPECTED)


def test_only_what_is_needed_is_computed():
    needed = torch.tensor([[1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]).bool()
    seen = []

    class Noted(Sums):
        def of_values(self, modes):
            seen.append(modes.shape)
            return super().of_values(modes)

    found = Noted(COLUMNS)(X, needed)
    assert seen == [(3, 2, 3)]  # two rows, as many as one of the modes needs
    torch.testing.assert_close(found[needed], EXPECTED[needed])
    assert found.shape == needed.shape


def test_pad_adds_zeros_behind():
    padded = pad(torch.ones(1, 2), (3, -1))
    torch.testing.assert_close(padded, torch.tensor([[1.0, 1], [0, 0], [0, 0]]))
