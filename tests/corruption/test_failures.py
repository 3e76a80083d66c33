"""Which modes fail in which rows: fail_modes, and Failures that rest on it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from sklearn.base import clone

from helpers import LAYOUT, differ, generator, normal_values, quick, three_classes
from sklearn_emma.corruption import (
    Bias,
    Failures,
    GaussianNoise,
    MissingMode,
    Mixture,
    ModeLayout,
    SaltAndPepper,
    fail_modes,
)


@given(n_failing=st.integers(1, 3), seed=st.integers(0, 1000))
def test_only_failing_modes_change(n_failing, seed):
    x = normal_values(40)
    failed, corrupted = fail_modes(
        x, LAYOUT, Bias(1.0), generator(seed), n_failing=n_failing
    )
    assert corrupted.dtype == torch.bool
    assert (corrupted.sum(1) == n_failing).all()
    assert torch.equal(failed, torch.where(LAYOUT.spread(corrupted), x + 1.0, x))


@pytest.mark.parametrize("n_failing", [1, 2])
def test_failing_modes_are_drawn_uniformly(n_failing):
    _, corrupted = fail_modes(
        normal_values(),
        LAYOUT,
        Bias(),
        generator(),
        n_failing=n_failing,
        clean_fraction=0.25,
    )
    counts = corrupted.sum(0).numpy()
    assert chisquare(counts).pvalue > 0.01
    clean = ~corrupted.any(1)
    assert clean.double().mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(("clean_fraction", "n_corrupted"), [(0.0, 3000), (1.0, 0)])
def test_clean_fraction_of_0_and_1_leave_nothing_to_chance(clean_fraction, n_corrupted):
    x = normal_values()
    failed, corrupted = fail_modes(
        x, LAYOUT, Bias(), generator(), clean_fraction=clean_fraction
    )
    assert corrupted.sum() == n_corrupted
    assert torch.equal(failed, x) is (n_corrupted == 0)


@pytest.mark.parametrize("fraction", [30, -0.1, math.nan, "half", None])
def test_fail_modes_names_a_bad_clean_fraction(fraction):
    with pytest.raises(ValueError, match=r"'clean_fraction' .*\[0.0, 1.0\]"):
        fail_modes(
            normal_values(3), LAYOUT, Bias(), generator(), clean_fraction=fraction
        )


@pytest.mark.parametrize("n_failing", [0, -1, 1.5, "1", None])
def test_fail_modes_names_a_bad_number_of_failing_modes(n_failing):
    with pytest.raises(ValueError, match=r"'n_failing' .*\[1, inf\)"):
        fail_modes(normal_values(3), LAYOUT, Bias(), generator(), n_failing=n_failing)


def test_no_more_modes_can_fail_than_there_are():
    with pytest.raises(ValueError, match=r"n_failing=4 modes .* only 3"):
        fail_modes(normal_values(3), LAYOUT, Bias(), generator(), n_failing=4)


@pytest.mark.parametrize("made", [torch.zeros(5, 1), torch.zeros(6), None])
def test_a_corruption_that_returns_another_shape_is_named(made):
    class Other:
        def corrupt(self, x, layout, generator):
            return made

    with pytest.raises(ValueError, match=r"tensor of the shape of x; .*of \(5, 6\)"):
        fail_modes(normal_values(5), LAYOUT, Other(), generator())


@pytest.mark.parametrize(
    ("dtype", "convert"),
    [
        (torch.float32, torch.Tensor.double),
        (torch.float64, torch.Tensor.float),
        (torch.float64, torch.Tensor.long),
    ],
)
@pytest.mark.parametrize("mixed", [False, True])
def test_a_corruption_that_returns_another_type_is_named(dtype, convert, mixed):
    class Other:
        def corrupt(self, x, layout, generator):
            return convert(x)

    corruption = Mixture([Bias(), Other()]) if mixed else Other()
    name = r"Mixture: corruptions\[1\]" if mixed else "`corruption`"
    message = rf"{name} must return a tensor of the type .*Other.* of {dtype}"
    with pytest.raises(ValueError, match=message):
        fail_modes(normal_values(5).to(dtype), LAYOUT, corruption, generator())


def test_an_error_within_a_corruption_says_how_it_is_called():
    class Other:
        def corrupt(self, x, layout):
            return x

    for corruption, name in [
        (Other(), "`corruption`"),
        (Mixture([Bias(), Other()]), "Mixture: corruptions[1]"),
    ]:
        with pytest.raises(TypeError, match="takes 3 positional arguments") as caught:
            fail_modes(normal_values(5), LAYOUT, corruption, generator())
        note = caught.value.__notes__[0]
        assert note.startswith(f"{name}: <") and "corrupt(x, layout, generator)" in note


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(6), r"shape \(n_samples, 6\).* got \(6,\)"),
        (torch.zeros(5, 7), r"shape \(n_samples, 6\).* got \(5, 7\)"),
        (torch.zeros(2, 5, 6), r"got \(2, 5, 6\)"),
        (torch.zeros(5, 6).long(), "floating-point type, got torch.int64"),
        (np.zeros((5, 6)), "floating-point type, got ndarray"),
    ],
)
def test_values_that_are_not_those_of_the_modes_are_named(x, message):
    with pytest.raises(ValueError, match=message):
        fail_modes(x, LAYOUT, Bias(), generator())


@pytest.mark.parametrize("given", [{"n_failing": True}, {"clean_fraction": False}])
def test_fail_modes_takes_no_boolean_for_a_number(given):
    (name,) = given
    with pytest.raises(ValueError, match=f"fail_modes: '{name}' must be a number"):
        fail_modes(normal_values(3), LAYOUT, Bias(), generator(), **given)


# ---------------------------------------------------------------------------- Failures


@pytest.mark.parametrize("given", ["auto", None, Bias(2.0)], ids=repr)
def test_a_parameter_stands_for_failures_with_all_defaults(given):
    failures = Failures.from_parameter(given)
    assert type(failures) is Failures and failures.corruption is given
    defaults = Failures().get_params(deep=False) | {"corruption": given}
    assert failures.get_params(deep=False) == defaults
    assert failures.simulates is (given is not None)


def test_failures_stand_for_themselves():
    failures = Failures(Bias(), clean_fraction=0.2)
    assert Failures.from_parameter(failures) is failures


@pytest.mark.parametrize(
    ("failures", "corruption", "clean_fraction", "n_failing"),
    [
        (Failures(), Mixture([GaussianNoise((0.1, 2.0)), MissingMode()]), 0.33, 1),
        (Failures(Bias(3.0)), Bias(3.0), 0.33, 1),
        (Failures(GaussianNoise(), clean_fraction=0.0), GaussianNoise(), 0.0, 1),
        (Failures(Bias(), clean_fraction=1.0), Bias(), 1.0, 1),
        (Failures(Bias(), n_failing=3, clean_fraction=0.5), Bias(), 0.5, 3),
    ],
    ids=str,
)
def test_failures_are_simulated_by_fail_modes(
    failures, corruption, clean_fraction, n_failing
):
    x = normal_values(400)
    x[0, :4] = math.nan
    before, random = x.clone(), generator(5)
    for _ in range(2):  # what is drawn moves on
        got = failures.simulate(x, LAYOUT, random)
    again = generator(5)
    for _ in range(2):
        expected = fail_modes(
            x,
            LAYOUT,
            corruption,
            again,
            clean_fraction=clean_fraction,
            n_failing=n_failing,
        )
    for tensor, by_hand in zip(got, expected, strict=True):
        np.testing.assert_array_equal(tensor, by_hand)
    np.testing.assert_array_equal(x, before)


def test_without_a_corruption_nothing_fails_and_nothing_is_drawn():
    x, random = normal_values(10), generator(5)
    state = random.get_state()
    failed, corrupted = Failures(None, clean_fraction=0.0).simulate(x, LAYOUT, random)
    assert failed is x and torch.equal(state, random.get_state())
    assert corrupted.dtype == torch.bool and corrupted.shape == (10, 3)
    assert not corrupted.any()


@pytest.mark.parametrize("given", ["gauss", "AUTO", ""])
def test_no_string_but_auto_stands_for_a_corruption(given):
    with pytest.raises(ValueError, match="`corruption` must have a method `corrupt`"):
        Failures(given).simulate(normal_values(3), LAYOUT, generator())


def test_failures_are_a_parameter_object_like_any_other():
    failures = Failures(GaussianNoise(0.5), clean_fraction=0.2)
    assert repr(Failures()) == "Failures()"
    assert repr(failures) == (
        "Failures(clean_fraction=0.2, corruption=GaussianNoise(sigma=0.5))"
    )
    params = failures.get_params()
    assert params["corruption__sigma"] == 0.5
    assert params.keys() == {
        "corruption",
        "corruption__sigma",
        "clean_fraction",
        "n_failing",
        "part_fraction",
        "n_draws",
        "pretraining_missing_fraction",
        "importance_floor",
    }
    copied = clone(failures).set_params(corruption__sigma=2.0, n_failing=2)
    assert (copied.corruption.sigma, copied.n_failing) == (2.0, 2)
    assert (failures.corruption.sigma, failures.n_failing) == (0.5, 1)


def test_failures_are_reached_through_a_classifier():
    X, y = three_classes()
    failures = Failures(GaussianNoise(0.5))
    clf = quick(corruption=failures)
    assert clf.get_params()["corruption__corruption__sigma"] == 0.5
    other = clone(clf).set_params(
        corruption__corruption__sigma=3.0, corruption__clean_fraction=0.0
    )
    assert (failures.corruption.sigma, failures.clean_fraction) == (0.5, 0.33)
    assert other.corruption.corruption.sigma == 3.0
    assert differ(clf.fit(X, y), other.fit(X, y), X)
    assert clf.corruption is failures and vars(failures) == vars(
        Failures(failures.corruption)
    )


@pytest.mark.parametrize(
    "failures",
    [Failures(), Failures(None), Failures(Bias(), n_failing=3, n_draws=1)],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_good_failures_pass_their_check(failures, dtype):
    before = torch.get_rng_state()
    failures.check(LAYOUT, dtype)
    assert torch.equal(torch.get_rng_state(), before)


class Infinite:
    """A corruption whose values cannot be computed with."""

    def corrupt(self, x, layout, generator):
        return x + math.inf


class Wide:
    """A corruption that works for double precision only; training is in single."""

    def corrupt(self, x, layout, generator):
        if x.dtype != torch.float64:
            raise ValueError("no such precision")
        return x


BAD = [
    (Failures("gauss"), "'corruption' parameter of Failures .*'auto'.*Got 'gauss'"),
    (Failures(3), "'corruption' parameter of Failures"),
    (Failures(GaussianNoise), r"class GaussianNoise; write GaussianNoise\(\)"),
    (Failures(GaussianNoise(-1)), "GaussianNoise: sigma .*got -1"),
    (Failures(SaltAndPepper(fraction=30)), "'fraction' .* SaltAndPepper"),
    (Failures(Mixture([MissingMode])), r"corruptions\[0\] .*class MissingMode"),
    (Failures(Infinite()), "`corruption` must return finite values.*Infinite"),
    (Failures(Wide()), "no such precision"),
    (Failures(clean_fraction=1.5), r"'clean_fraction' .* Failures .*\[0.0, 1.0\]"),
    (Failures(clean_fraction=-0.1), "'clean_fraction' parameter of Failures"),
    (Failures(clean_fraction=math.nan), "'clean_fraction' parameter of Failures"),
    (Failures(n_failing=0), r"'n_failing' .* Failures .*\[1, inf\)"),
    (Failures(n_failing=1.5), "'n_failing' parameter of Failures"),
    (Failures(n_failing=4), "n_failing=4 modes cannot fail at once: .* only 3"),
    (Failures(n_draws=0), r"'n_draws' .* Failures .*\[1, inf\).*None"),
    (Failures(n_draws=2.0), "'n_draws' parameter of Failures"),
    (
        Failures(pretraining_missing_fraction=1.1),
        r"'pretraining_missing_fraction' .* Failures .*\[0.0, 1.0\]",
    ),
    (Failures(importance_floor=1.0), r"'importance_floor' .* Failures .*\[0.0, 1.0\)"),
    (Failures(importance_floor=-0.1), "'importance_floor' parameter of Failures"),
    (Failures(n_failing=True), "Failures: 'n_failing' must be a number, got True"),
    (Failures(n_draws=True), "Failures: 'n_draws' must be a number, got True"),
    # What is wrong is wrong where nothing is simulated too.
    (Failures(None, n_failing=9), "n_failing=9 modes cannot fail at once: .* only 3"),
    (Failures(None, clean_fraction=2), "'clean_fraction' parameter of Failures"),
    (Failures(None, importance_floor=2), "'importance_floor' parameter of Failures"),
]


@pytest.mark.parametrize(
    ("n_draws", "n_epochs", "kept"),
    [(None, 5, None), (1, 5, 1), (4, 5, 4), (5, 5, None), (20_000, 5, None)],
)
def test_only_copies_that_are_used_again_are_kept(n_draws, n_epochs, kept):
    assert Failures(n_draws=n_draws).draws_to_keep(n_epochs) == kept


class InfiniteLater(Infinite):
    """Passes the check, which looks at three rows."""

    def corrupt(self, x, layout, generator):
        return x if len(x) == 3 else super().corrupt(x, layout, generator)


def test_infinite_values_are_named_whenever_they_are_made():
    failures = Failures(InfiniteLater())
    failures.check(LAYOUT, torch.float64)
    with pytest.raises(ValueError, match=r"must return finite values.*InfiniteLater"):
        failures.simulate(normal_values(40), LAYOUT, generator())


@pytest.mark.parametrize(
    ("failures", "message"), BAD, ids=[message for _, message in BAD]
)
def test_bad_failures_are_named_by_their_check_and_by_fit(
    no_training, failures, message
):
    with pytest.raises(ValueError, match=message):
        failures.check(LAYOUT, torch.float32)
    X = normal_values(40).numpy()
    model = quick(modes=LAYOUT.as_dict(), corruption=failures)
    with pytest.raises(ValueError, match=message):
        model.fit(X, np.arange(40) % 2)
    assert not hasattr(model, "n_features_in_")


def test_a_row_by_itself_may_have_any_of_its_modes_fail():
    layout = ModeLayout.from_columns({"a": [0], "b": [1], "c": [2]})
    counts = torch.zeros(3)
    for seed in range(300):
        _, failed = fail_modes(
            torch.zeros(1, 3),
            layout,
            MissingMode(),
            torch.Generator().manual_seed(seed),
        )
        counts += failed[0]
    assert counts.sum() == 300
    assert (counts > 70).all()  # 100 each, give or take 8
