import numpy as np
import pytest
import torch

from sklearn_emma._attention.scaling import RobustScaling, TwoSidedScaling
from sklearn_emma._model.alarms import Alarms
from sklearn_emma._statistics.conformal import p_values, summarise


def energies(n=150, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal([0, 50], [1, 10], size=(n, 2)))


def calibrated(scaling, potential):
    scaling = scaling(2).double()
    scaling.calibrate(potential, torch.ones(len(potential)))
    return scaling


def test_under_a_rising_scaling_the_ranks_are_those_of_potential_energies():
    clean, new = energies(), energies(40, seed=1)
    alarms = Alarms(calibrated(RobustScaling, clean), clean)
    expected = [
        p_values(new[:, i].numpy(), summarise(clean[:, i].numpy())) for i in (0, 1)
    ]
    np.testing.assert_array_equal(alarms.p_values(new), np.transpose(expected))


def test_values_too_likely_to_be_true_have_low_p_values_under_the_two_sided_scaling():
    clean = energies()
    new = torch.tensor([[0.0, 50.0], [-30.0, 50.0], [30.0, -400.0]])
    two_sided = Alarms(calibrated(TwoSidedScaling, clean), clean).p_values(new)
    assert (two_sided[0] > 0.3).all()
    least = 1 / 151
    assert two_sided[1, 0] == two_sided[2, 0] == two_sided[2, 1] == least
    one_sided = Alarms(calibrated(RobustScaling, clean), clean).p_values(new)
    assert one_sided[1, 0] == one_sided[2, 1] == 1


def test_modes_that_are_missing_count_neither_among_clean_rows_nor_among_new_ones():
    clean = energies()
    clean[:50, 1] = torch.nan
    alarms = Alarms(calibrated(RobustScaling, clean), clean)
    assert alarms.n_rows.tolist() == [150, 100]
    p = alarms.p_values(torch.tensor([[torch.nan, 1e6], [1e6, torch.nan]]))
    np.testing.assert_array_equal(p, [[np.nan, 1 / 101], [1 / 151, np.nan]])


def test_later_changes_of_the_scaling_change_no_p_value():
    clean, new = energies(), energies(40, seed=1)
    scaling = calibrated(RobustScaling, clean)
    alarms = Alarms(scaling, clean)
    before = alarms.p_values(new)
    scaling.location.add_(5)
    np.testing.assert_array_equal(alarms.p_values(new), before)


def test_other_clean_rows_take_the_place_of_the_first_ones():
    clean, other = energies(), energies(60, seed=2)
    scaling = calibrated(RobustScaling, clean)
    alarms = Alarms(scaling, clean, torch.ones(150))
    again = alarms.recalibrated(other)
    new = energies(40, seed=1)
    np.testing.assert_array_equal(
        again.p_values(new), Alarms(scaling, other).p_values(new)
    )
    assert again.n_rows.tolist() == [60, 60] and alarms.n_rows.tolist() == [150, 150]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_type_of_energies_is_that_of_the_scaling(dtype):
    clean = energies()
    scaling = calibrated(TwoSidedScaling, clean).to(dtype)
    p = Alarms(scaling, clean).p_values(clean)
    assert p.dtype == np.float64
    # Of the n clean rows themselves, the k-th highest has k others at least as high.
    ranks = np.arange(2, 152) / 151
    np.testing.assert_allclose(np.sort(p, axis=0), np.column_stack([ranks] * 2))
