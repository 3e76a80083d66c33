"""Every corruption does what it says, and nothing but its generator decides how."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest, norm, t, uniform
from sklearn.base import clone

from sklearn_emma import corruption
from sklearn_emma.corruption import (
    Bias,
    Corruption,
    Drift,
    Gain,
    GaussianNoise,
    MissingMode,
    Mixture,
    SaltAndPepper,
    StuckMode,
    StudentNoise,
    SwappedMode,
    UniformReplacement,
    ZeroedMode,
    fail_modes,
)

MODES = torch.tensor([0, 0, 0, 1, 1, 2])
ALL = [
    Bias(),
    Drift(),
    Gain(),
    GaussianNoise(),
    GaussianNoise(0.5),
    MissingMode(),
    Mixture(),
    SaltAndPepper(),
    StuckMode(),
    StudentNoise(),
    SwappedMode(),
    UniformReplacement(),
    ZeroedMode(),
]
every = pytest.mark.parametrize("fault", ALL, ids=repr)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def data(n=3000, dtype=torch.float64):
    return torch.randn(n, len(MODES), generator=seeded(9), dtype=dtype)


def apply(fault, x, seed=0):
    return fault.corrupt(x, MODES, seeded(seed))


def p_value(sample, distribution):
    return kstest(np.asarray(sample).ravel(), distribution.cdf).pvalue


# --------------------------------------------------------------------- all of them


def test_all_public_corruptions_are_tested():
    public = {getattr(corruption, name) for name in corruption.__all__}
    assert {type(c) for c in ALL} == public - {Corruption, fail_modes}


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 7])
def test_shape_type_and_device_are_kept_and_the_input_is_not_written_to(
    fault, dtype, n
):
    x = data(n, dtype)
    before = x.clone()
    result = apply(fault, x)
    assert (result.shape, result.dtype, result.device) == (x.shape, dtype, x.device)
    result.add_(1.0)
    assert torch.equal(x, before)


@every
def test_the_generator_decides_everything(fault):
    x, state = data(50), torch.get_rng_state()
    first, again, other = (apply(fault, x, seed) for seed in (0, 0, 1))
    assert torch.equal(first.nan_to_num(), again.nan_to_num())
    drawn = not isinstance(fault, Bias | Drift | Gain | MissingMode | ZeroedMode)
    assert torch.equal(first.nan_to_num(), other.nan_to_num()) is not drawn
    assert torch.equal(torch.get_rng_state(), state)


@every
def test_corruptions_are_cloned_compared_and_checked_as_estimators_are(fault):
    assert isinstance(fault, Corruption)
    assert repr(clone(fault)) == repr(fault)


# ------------------------------------------------------------------------ one by one


def test_gaussian_noise_of_one_sigma():
    x = data()
    assert p_value(apply(GaussianNoise(0.5), x) - x, norm(scale=0.5)) > 0.01


def test_gaussian_noise_draws_one_sigma_a_row_log_uniformly():
    x = torch.zeros(3000, 200, dtype=torch.float64)
    noise = GaussianNoise((0.1, 2.0)).corrupt(x, torch.zeros(200).long(), seeded())
    sigma = noise.square().mean(1).sqrt().numpy()
    inside = (sigma > 0.1) & (sigma < 2.0)
    assert inside.mean() > 0.95  # each is known to 5 % only
    spread = uniform(math.log(0.1), math.log(20))
    assert kstest(np.log(sigma), spread.cdf).statistic < 0.03


@pytest.mark.parametrize("sigma", [0, 0.0, (0.0, 0.0)])
def test_gaussian_noise_of_sigma_0_changes_nothing(sigma):
    assert torch.equal(apply(GaussianNoise(sigma), data()), data())


@pytest.mark.parametrize(
    "sigma", [-1.0, math.inf, math.nan, (2.0, 1.0), (0.0, 1.0), (-1, 1), (1, math.inf)]
)
def test_gaussian_noise_names_a_bad_sigma(sigma):
    with pytest.raises(ValueError, match="GaussianNoise: sigma must be a number"):
        apply(GaussianNoise(sigma), data())


@pytest.mark.parametrize("df", [1, 3])
def test_student_noise(df):
    x = data()
    noise = apply(StudentNoise(sigma=2.0, df=df), x) - x
    assert p_value(noise, t(df, scale=2.0)) > 0.01


def test_uniform_replacement_has_nothing_of_the_signal():
    x = data()
    result = apply(UniformReplacement(2.0), x)
    assert p_value(result, uniform(-2, 4)) > 0.01
    assert abs(np.corrcoef(x.ravel(), result.ravel())[0, 1]) < 0.03


def test_stuck_mode_has_one_value_a_row_and_mode():
    result = apply(StuckMode(2.0), data())
    first = result[:, [0, 3, 5]]
    assert torch.equal(result, first[:, MODES])
    assert p_value(first, uniform(-2, 4)) > 0.01
    assert np.abs(np.corrcoef(first.T) - np.eye(3)).max() < 0.06


def test_salt_and_pepper_sends_a_share_of_the_cells_to_either_extreme():
    x = data()
    result = apply(SaltAndPepper(amplitude=5.0, fraction=0.2), x)
    jumped = result.abs() == 5.0
    assert torch.equal(result[~jumped], x[~jumped])
    assert jumped.double().mean() == pytest.approx(0.2, abs=0.01)
    assert (result[jumped] > 0).double().mean() == pytest.approx(0.5, abs=0.02)


def test_faults_without_chance():
    x = data()
    assert torch.equal(apply(Gain(4.0), x), 4.0 * x)
    assert torch.equal(apply(Bias(-1.5), x), x - 1.5)
    assert apply(MissingMode(), x).isnan().all()
    assert (apply(ZeroedMode(), x) == 0).all()
    ramp = torch.linspace(0, 3, len(x), dtype=x.dtype)
    torch.testing.assert_close(apply(Drift(3.0), x) - x, ramp[:, None].expand_as(x))


def test_swapped_modes_are_whole_modes_of_other_rows():
    x = data(400)
    result = apply(SwappedMode(), x)
    sources = []
    for mode in range(3):
        columns = torch.eq(MODES, mode)
        own = {tuple(row): i for i, row in enumerate(x[:, columns].tolist())}
        sources.append([own[tuple(row)] for row in result[:, columns].tolist()])
        assert sorted(sources[-1]) == list(range(400))
    same = (np.diff(sources, axis=0) == 0).mean()
    assert same < 0.05, "each mode has its own permutation"


# --------------------------------------------------------------------------- mixtures


def test_mixture_draws_a_corruption_for_each_row_by_weight():
    x = data()
    mixture = Mixture([Bias(10.0), ZeroedMode(), Gain(0.5)], weights=[1, 2, 5])
    result = apply(mixture, x)
    kinds = [
        (result == other).all(1) for other in (x + 10.0, torch.zeros_like(x), 0.5 * x)
    ]
    counts = [int(kind.sum()) for kind in kinds]
    assert sum(counts) == len(x)
    expected = len(x) * np.array([1, 2, 5]) / 8
    assert chisquare(counts, expected).pvalue > 0.01


def test_mixture_is_noise_and_missing_modes_in_equal_parts_by_default():
    missing = apply(Mixture(), data()).isnan()
    assert torch.equal(missing.any(1), missing.all(1))
    assert missing.double().mean() == pytest.approx(0.5, abs=0.03)


def test_mixture_never_draws_a_corruption_of_weight_0():
    result = apply(Mixture([MissingMode(), Bias(1.0)], weights=[0, 3]), data())
    assert torch.equal(result, data() + 1.0)


def test_mixture_needs_a_weight_for_each_corruption():
    with pytest.raises(ValueError, match="weights has 3 entries for 2 corruptions"):
        apply(Mixture(weights=[1, 2, 3]), data())


@pytest.mark.parametrize(
    "mixture", [Mixture([]), Mixture(weights=[-1, 2]), Mixture(weights=[0, 0])]
)
def test_mixture_names_what_is_wrong(mixture):
    with pytest.raises(ValueError, match="Mixture"):
        apply(mixture, data())


# ------------------------------------------------------------------------- fail_modes


@given(n_failing=st.integers(1, 3), seed=st.integers(0, 1000))
def test_only_failing_modes_change(n_failing, seed):
    x = data(40)
    failed, corrupted = fail_modes(
        x, MODES, Bias(1.0), seeded(seed), n_failing=n_failing
    )
    assert corrupted.dtype == torch.bool
    assert (corrupted.sum(1) == n_failing).all()
    assert torch.equal(failed, torch.where(corrupted[:, MODES], x + 1.0, x))


@pytest.mark.parametrize("n_failing", [1, 2])
def test_failing_modes_are_drawn_uniformly(n_failing):
    _, corrupted = fail_modes(
        data(), MODES, Bias(), seeded(), n_failing=n_failing, clean_fraction=0.25
    )
    counts = corrupted.sum(0).numpy()
    assert chisquare(counts).pvalue > 0.01
    clean = ~corrupted.any(1)
    assert clean.double().mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(("clean_fraction", "n_corrupted"), [(0.0, 3000), (1.0, 0)])
def test_clean_fraction_of_0_and_1_leave_nothing_to_chance(clean_fraction, n_corrupted):
    x = data()
    failed, corrupted = fail_modes(
        x, MODES, Bias(), seeded(), clean_fraction=clean_fraction
    )
    assert corrupted.sum() == n_corrupted
    assert torch.equal(failed, x) is (n_corrupted == 0)


@every
def test_fail_modes_keeps_type_and_input_and_repeats_itself(fault):
    x = data(20, torch.float32)
    x[0, 0] = math.nan
    before = x.clone()
    first, corrupted = fail_modes(x, MODES, fault, seeded(3))
    again, same = fail_modes(x, MODES, fault, seeded(3))
    assert first.dtype == x.dtype and first.data_ptr() != x.data_ptr()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(corrupted, same)
    np.testing.assert_array_equal(x, before)
    spared = ~corrupted[:, MODES]
    np.testing.assert_array_equal(first[spared], x[spared])


@pytest.mark.parametrize("fraction", [30, -0.1, math.nan, "half", None])
def test_fail_modes_names_a_bad_clean_fraction(fraction):
    with pytest.raises(ValueError, match=r"'clean_fraction' .*\[0.0, 1.0\]"):
        fail_modes(data(3), MODES, Bias(), seeded(), clean_fraction=fraction)


@pytest.mark.parametrize("n_failing", [0, -1, 1.5, "1", None])
def test_fail_modes_names_a_bad_number_of_failing_modes(n_failing):
    with pytest.raises(ValueError, match=r"'n_failing' .*\[1, inf\)"):
        fail_modes(data(3), MODES, Bias(), seeded(), n_failing=n_failing)


def test_no_more_modes_can_fail_than_there_are():
    with pytest.raises(ValueError, match=r"n_failing=4 modes .* only 3"):
        fail_modes(data(3), MODES, Bias(), seeded(), n_failing=4)


# ------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        (SaltAndPepper(fraction=30), r"'fraction' .* SaltAndPepper .*\[0.0, 1.0\]"),
        (SaltAndPepper(fraction=math.nan), "'fraction' .* SaltAndPepper"),
        (SaltAndPepper(amplitude=-1), r"'amplitude' .* SaltAndPepper .*\[0.0, inf\)"),
        (StudentNoise(df=0), r"'df' .* StudentNoise must be an int .*\[1, inf\)"),
        (StudentNoise(df=2.5), "'df' .* StudentNoise must be an int"),
        (StudentNoise(sigma=-1), r"'sigma' .* StudentNoise .*\[0.0, inf\)"),
        (StudentNoise(sigma="a"), "'sigma' .* StudentNoise .*Got 'a'"),
        (UniformReplacement(-3), r"'bound' .* UniformReplacement .*\[0.0, inf\)"),
        (UniformReplacement(math.inf), "'bound' .* UniformReplacement"),
        (StuckMode(-3), r"'bound' .* StuckMode .*\[0.0, inf\)"),
        (Gain(math.nan), "'factor' .* Gain must be a float"),
        (Gain("a"), "'factor' .* Gain must be a float"),
        (Bias(math.inf), "'offset' .* Bias must be a float"),
        (Drift(None), "'offset' .* Drift must be a float"),
        (GaussianNoise("a"), "GaussianNoise: sigma must be .*got 'a'"),
        (GaussianNoise(None), "GaussianNoise: sigma must be .*got None"),
        (GaussianNoise((1, 2, 3)), r"GaussianNoise: sigma must be .*got \(1, 2, 3\)"),
        (GaussianNoise(("a", 1)), "GaussianNoise: sigma must be"),
        (Mixture(GaussianNoise()), "'corruptions' parameter of Mixture"),
        (Mixture(weights="ab"), "'weights' parameter of Mixture|Mixture: needs"),
        (Mixture(weights=["a", "b"]), "Mixture: needs .* finite weights"),
        (Mixture(weights=[1, math.inf]), "Mixture: needs .* finite weights"),
        (Mixture([]), "Mixture: needs at least one"),
        (Mixture([Bias(), MissingMode]), r"corruptions\[1\] .*write MissingMode\(\)"),
        (Mixture([Bias(), "noise"]), r"corruptions\[1\] .*`corrupt`, got 'noise'"),
        (Mixture([Mixture([MissingMode])]), r"corruptions\[0\] .*class MissingMode"),
        (Mixture([SaltAndPepper(fraction=30)]), "'fraction' .* SaltAndPepper"),
        (GaussianNoise, r"`corruption` .*instance.*write GaussianNoise\(\)"),
        ("noise", "`corruption` must have a method `corrupt`, got 'noise'"),
        (None, "`corruption` must have a method `corrupt`, got None"),
    ],
    ids=repr,
)
def test_a_bad_corruption_is_named(fault, allowed):
    with pytest.raises(ValueError, match=allowed):
        fail_modes(data(5), MODES, fault, seeded())


@pytest.mark.parametrize("made", [torch.zeros(5, 1), torch.zeros(6), None])
def test_a_corruption_that_returns_another_shape_is_named(made):
    class Other:
        def corrupt(self, x, mode_index, generator):
            return made

    with pytest.raises(ValueError, match=r"tensor of the shape of x; .*of \(5, 6\)"):
        fail_modes(data(5), MODES, Other(), seeded())


def test_a_member_of_a_mixture_that_writes_to_its_input_spoils_no_other():
    class InPlace:
        def corrupt(self, x, mode_index, generator):
            return x.mul_(100.0)

    x = data(400)
    result = apply(Mixture([InPlace(), Bias(1.0)]), x)
    scaled = (result == 100.0 * x).all(1)
    assert 0 < scaled.sum() < 400
    assert torch.equal(result[~scaled], x[~scaled] + 1.0)
    assert torch.equal(x, data(400))
