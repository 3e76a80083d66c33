"""How many modes fail: half of them, or a number; and what that does to Ω."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from sklearn_emma import EMMAClassifier
from sklearn_emma._attention.importance import energy_alignment, log_importance
from sklearn_emma.corruption import Bias, Failures, ModeLayout, fail_modes
from sklearn_emma.corruption._counts import check_failures, count_failing
from sklearn_emma.robustness import corrupt


def layout_of(n_modes):
    return ModeLayout.from_columns({f"m{i}": [i] for i in range(n_modes)})


@pytest.mark.parametrize(
    ("n_modes", "n_failing"), [(1, 0), (2, 1), (3, 1), (4, 2), (7, 3), (100, 50)]
)
def test_half_is_rounded_down_so_that_half_or_more_stay_clean(n_modes, n_failing):
    assert count_failing("half", n_modes) == n_failing
    assert n_modes - n_failing == (n_modes + 1) // 2


def test_half_of_the_modes_fail_in_each_row_all_equally_often():
    layout, generator = layout_of(5), torch.Generator().manual_seed(0)
    x = torch.zeros(3000, 5)
    failed, corrupted = fail_modes(
        x, layout, Bias(1.0), generator, clean_fraction=0.5, n_failing="half"
    )
    in_row = corrupted.sum(1)
    assert set(in_row.tolist()) == {0, 2}
    assert (in_row == 2).double().mean() == pytest.approx(0.5, abs=0.03)
    assert torch.equal(failed, corrupted.to(x.dtype))
    assert chisquare(corrupted.sum(0).numpy()).pvalue > 0.01


def test_it_is_the_same_draw_as_the_number():
    x, layout = np.zeros((50, 6)), [[0], [1], [2], [3], [4], [5]]
    options = {"modes": layout, "reference": np.eye(6), "random_state": 0}
    half = corrupt(x, Bias(), n_failing="half", **options)
    np.testing.assert_array_equal(half, corrupt(x, Bias(), n_failing=3, **options))


def test_a_single_mode_has_no_half_that_could_fail():
    x = torch.ones(20, 1)
    failed, corrupted = fail_modes(
        x, layout_of(1), Bias(), torch.Generator(), n_failing="half"
    )
    assert not corrupted.any() and torch.equal(failed, x)


@pytest.mark.parametrize("n_modes", [2, 3, 4, 5, 8])
def test_omega_then_pushes_every_mode_the_right_way(n_modes):
    """∂Ω/∂E_i = −ρ [(M − 2M') α_i + ξ_i]: of the sign of −ξ_i for any α in (0, 1)."""
    n_failing = count_failing("half", n_modes)
    corrupted = torch.arange(n_modes) < n_failing
    energy = torch.randn(
        200, n_modes, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    all_rows = corrupted.expand(200, -1)
    omega = energy_alignment(
        log_importance(energy, 2.0), all_rows, torch.ones_like(all_rows)
    )
    omega.sum().backward()
    assert (energy.grad[:, corrupted] >= 0).all()  # Ω is maximised: corrupted go up
    assert (energy.grad[:, ~corrupted] <= 0).all()


@pytest.mark.parametrize("n_failing", [1, 3])
def test_with_other_numbers_an_important_mode_is_pushed_the_wrong_way(n_failing):
    corrupted = torch.arange(4) < n_failing
    important = 0 if n_failing == 3 else 3  # a corrupted one, or a clean one
    energy = torch.full((1, 4), 5.0)
    energy[0, important] = 0.0
    energy.requires_grad_()
    omega = energy_alignment(
        log_importance(energy, 1.0), corrupted[None], torch.ones(1, 4).bool()
    )
    omega.sum().backward()
    assert (energy.grad[0, important] > 0) == (not corrupted[important])
    assert energy.grad[0, important].abs() > 0.5


def test_a_classifier_takes_it_and_searches_it():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), np.repeat([0, 1], 30)
    clf = EMMAClassifier(
        [[0], [1], [2], [3]],
        corruption=Failures(n_failing="half"),
        max_iter=1,
        pretraining_max_iter=1,
        random_state=0,
    )
    half = clf.fit(X, y).loss_curve_
    assert half == clf.set_params(corruption__n_failing=2).fit(X, y).loss_curve_
    assert half != clf.set_params(corruption__n_failing=1).fit(X, y).loss_curve_


@pytest.mark.parametrize("wrong", ["most", 0, 1.5, True, 5])
def test_anything_else_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match="n_failing"):
        check_failures(
            "caller",
            layout_of(4),
            clean_fraction=0.5,
            n_failing=wrong,
            part_fraction=0.5,
        )


# ----------------------------------------------------------------------- parts of modes


def test_half_is_counted_among_modes_and_not_among_their_parts():
    nested = {f"m{i}": {"l": [2 * i], "r": [2 * i + 1]} for i in range(5)}
    layout = ModeLayout.from_columns(nested)
    options = {"n_failing": "half", "part_fraction": 0.5}
    x, generator = torch.zeros(2000, 10), torch.Generator().manual_seed(0)
    failed, corrupted = fail_modes(x, layout, Bias(1.0), generator, **options)
    of_modes = corrupted.view(-1, 5, 2).sum(2)
    assert ((of_modes > 0).sum(1) == 2).all()
    assert (of_modes == 1).double().sum() / 4000 == pytest.approx(0.5, abs=0.04)
    assert torch.equal(failed, corrupted.to(x.dtype))


def test_of_a_single_mode_half_of_the_parts_fail():
    layout = ModeLayout.from_columns({"all": {f"p{i}": [i] for i in range(5)}})
    x, generator = torch.zeros(50, 5), torch.Generator().manual_seed(0)
    _, corrupted = fail_modes(x, layout, Bias(1.0), generator, n_failing="half")
    assert (corrupted.sum(1) == 2).all()


def test_more_modes_than_there_are_cannot_fail_however_many_parts_they_have():
    layout = ModeLayout.from_columns({"a": {"l": [0], "r": [1]}, "b": [2]})
    with pytest.raises(ValueError, match=r"n_failing=3 .* there are only 2"):
        fail_modes(torch.zeros(2, 3), layout, Bias(), torch.Generator(), n_failing=3)
