"""The gate: calibration, scores, missing modes, order of modes, any shape of mode."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma import EMMAGate
from sklearn_emma._attention.scaling import robust_energy, shift_energy
from sklearn_emma._model.network import EMMANetwork

SCALINGS = ["robust", "shift"]
DTYPES = [torch.float32, torch.float64]
seeds = st.integers(0, 2**32 - 1)


def trained_gate(n_modes, seed=0, **parameters):
    """A gate in float64 whose parameters are all away from where they start."""
    gate = EMMAGate(n_modes, **parameters).double()
    generator = torch.Generator().manual_seed(seed)

    def draw(low, high, *shape):
        unit = torch.rand(shape, generator=generator, dtype=torch.float64)
        return low + (high - low) * unit

    limit = 1 / max(n_modes - 1, 1)
    gate.weight.data = draw(0.2, 1.5, n_modes)
    gate.bias.data = draw(0, 1, n_modes)
    gate.coupling.data = draw(-limit, limit, n_modes, n_modes)
    gate.exponent.data = draw(0, 1, n_modes, n_modes)
    gate.attention_bias.data = draw(0.05, 0.3)
    gate.location.copy_(draw(-2, 0, n_modes))
    gate.scale.copy_(draw(0.5, 2, n_modes))
    return gate


def draw_potential(n, n_modes, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return 5 * torch.randn(n, n_modes, generator=generator, dtype=torch.float64)


def restricted(gate, modes):
    """The gate of some of the modes."""
    small = EMMAGate(len(modes), energy_scaling=gate.energy_scaling).double()
    for name in ("weight", "bias", "location", "scale"):
        getattr(small, name).data.copy_(getattr(gate, name)[modes])
    for name in ("coupling", "exponent"):
        getattr(small, name).data.copy_(getattr(gate, name)[modes][:, modes])
    for name in ("attention_gain", "attention_bias", "log_rho"):
        getattr(small, name).data.copy_(getattr(gate, name))
    return small


# -------------------------------------------------------------------- scores


@pytest.mark.parametrize("scaling", SCALINGS)
def test_scores_equal_slow_code(scaling):
    gate = trained_gate(3, energy_scaling=scaling, rho=0.7)
    psi = draw_potential(6, 3)
    known = gate.summary()
    scaled = (
        shift_energy(psi, gate.location)
        if scaling == "shift"
        else robust_energy(psi, gate.location, gate.scale)
    ).numpy()
    for row, scores in enumerate(zip(*gate.scores(psi), strict=True)):
        own = known["energy_weights"] * scaled[row] + known["energy_biases"]
        exponent = known["coupling_exponents"]
        modal = [
            own[i]
            + sum(
                known["coupling_weights"][i, j]
                * own[i] ** exponent[i, j]
                * own[j] ** (1 - exponent[i, j])
                for j in range(3)
                if j != i
            )
            for i in range(3)
        ]
        weights = np.exp(-0.7 * np.array(modal))
        importance = weights / weights.sum()
        argument = known["attention_gain"] * importance - known["attention_bias"]
        expected = np.tanh(argument).clip(0), importance, np.log(importance), modal
        for field, value in zip(scores, expected, strict=True):
            np.testing.assert_allclose(field.detach(), value, rtol=1e-6)


@given(order=st.permutations(range(4)), seed=seeds, symmetric=st.booleans())
def test_permuted_modes_get_permuted_scores(order, seed, symmetric):
    gate = trained_gate(4, seed)
    if symmetric:
        gate.symmetric = True
        gate.exponent.data = (gate.exponent.data + gate.exponent.data.T) / 2
    psi = draw_potential(5, 4, seed)
    present = psi < 4
    permuted = restricted(gate, order)
    permuted.symmetric = symmetric
    scores = gate.scores(psi, present)
    for before, after in zip(
        scores, permuted.scores(psi[:, order], present[:, order]), strict=True
    ):
        torch.testing.assert_close(after, before[:, order])


@pytest.mark.parametrize("attention", ["soft", "hard", "importance", "none"])
def test_scores_of_a_row_do_not_depend_on_the_others(attention):
    gate = trained_gate(3, attention=attention)
    psi = draw_potential(8, 3)
    alone = [gate.scores(row.unsqueeze(0)) for row in psi]
    for field, parts in zip(gate.scores(psi), zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(field, torch.cat(parts), rtol=1e-12, atol=1e-12)


def test_attention_functions():
    psi = draw_potential(20, 3)
    present = psi < 4
    scores = {
        name: trained_gate(3, attention=name).scores(psi, present)
        for name in ("soft", "hard", "importance", "none")
    }
    passes = (scores["soft"].attention > 0).to(psi.dtype)
    assert 0 < passes.mean() < 1
    torch.testing.assert_close(scores["hard"].attention, passes, rtol=0, atol=0)
    torch.testing.assert_close(
        scores["importance"].attention, scores["soft"].importance
    )
    torch.testing.assert_close(scores["none"].attention, present.to(psi.dtype))


@pytest.mark.parametrize("n_modes", [1, 2, 16, 64])
def test_modes_of_equal_energy_pass_nearly_unchanged_at_the_start(n_modes):
    scores = EMMAGate(n_modes).scores(torch.zeros(1, n_modes))
    torch.testing.assert_close(
        scores.attention, torch.full((1, n_modes), math.tanh(2.0))
    )


def test_symmetric_exponent_is_symmetric_and_learnt_by_both_modes():
    gate = trained_gate(3, symmetric=True)
    exponent = gate.summary()["coupling_exponents"]
    np.testing.assert_array_equal(exponent, exponent.T)
    gate.scores(draw_potential(4, 3)).modal_energy.sum().backward()
    assert (gate.exponent.grad.triu(1)[[0, 0, 1], [1, 2, 2]] != 0).all()


def test_fixed_and_learnt_rho():
    assert EMMAGate(2).rho.item() == 1
    assert "log_rho" in dict(EMMAGate(2).named_parameters())
    assert EMMAGate(2, rho=0.3).rho.item() == pytest.approx(0.3)
    assert "log_rho" not in dict(EMMAGate(2, rho=0.3).named_parameters())


# ------------------------------------------------------------- missing modes


@given(seed=seeds)
def test_missing_modes_take_no_part_in_the_scores_of_the_others(seed):
    gate = trained_gate(4, seed)
    psi = draw_potential(1, 4, seed)
    present = torch.tensor([[True, False, True, True]])
    kept = [0, 2, 3]
    scores = gate.scores(psi, present)
    for whole, part in zip(
        scores, restricted(gate, kept).scores(psi[:, kept]), strict=True
    ):
        torch.testing.assert_close(whole[:, kept], part)
    assert scores.importance[0, kept].sum().item() == pytest.approx(1)
    assert scores.importance[0, 1] == scores.attention[0, 1] == 0


@pytest.mark.parametrize("stand_in", [0.0, -1e30, 1e30])
def test_the_stand_in_of_a_missing_mode_is_never_looked_at(stand_in):
    gate = trained_gate(3)
    psi = draw_potential(4, 3)
    present = torch.tensor([[True, True, False]]).expand(4, 3)
    other = psi.masked_fill(~present, stand_in)
    before, after = gate.scores(psi, present), gate.scores(other, present)
    for i in range(3):
        torch.testing.assert_close(after[i], before[i])
    after.attention.sum().backward()
    for name, parameter in gate.named_parameters():
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("stand_in", [math.nan, math.inf])
def test_a_missing_mode_may_stand_as_nan_or_infinity(stand_in):
    gate = trained_gate(2)
    present = torch.tensor([[True, False]])
    scores = gate.scores(torch.tensor([[1.0, stand_in]]).double(), present)
    scores.attention.sum().backward()
    for name, parameter in gate.named_parameters():
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("attention", ["soft", "hard", "importance", "none"])
def test_a_row_without_any_mode_gets_zeros(attention):
    gate = trained_gate(3, attention=attention)
    absent = torch.zeros(2, 3, dtype=torch.bool)
    gated, scores = gate([torch.ones(2, 1)] * 3, draw_potential(2, 3), absent)
    assert (scores.attention == 0).all() and (scores.importance == 0).all()
    assert all(field.isfinite().all() for field in scores)
    assert all((mode == 0).all() for mode in gated)


# ------------------------------------------------------------- absurd values


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_an_absurd_energy_shuts_its_mode_and_stays_finite(scaling, dtype):
    gate = EMMAGate(3, energy_scaling=scaling).to(dtype)
    gate.coupling.data.fill_(0.1)
    gate.exponent.data.fill_(0.9)
    # x = ±1e6 in ten features
    psi = torch.tensor([[1.0, 0.5, 5e12], [5e12] * 3], dtype=dtype)
    scores = gate.scores(psi)
    torch.stack(list(scores)).sum().backward()
    assert all(field.isfinite().all() for field in scores)
    assert all(p.grad.isfinite().all() for p in gate.parameters())
    assert scores.attention[0, 2] < 1e-6
    assert (scores.attention[0, :2] > 0.1).all()
    assert scores.importance.sum(1).tolist() == pytest.approx([1, 1])


# ------------------------------------------------------------- calibration


@given(
    values=st.lists(st.integers(-20, 20), min_size=1, max_size=30),
    data=st.data(),
)
def test_calibrate_takes_quartiles_of_repeated_rows(values, data):
    weight = data.draw(
        st.lists(st.integers(0, 4), min_size=len(values), max_size=len(values)).filter(
            any
        )
    )
    repeated = np.repeat(np.array(values, dtype=float), weight)
    low, middle, high = np.quantile(repeated, [0.25, 0.5, 0.75], method="inverted_cdf")
    psi, weight = torch.tensor(values).double()[:, None], torch.tensor(weight)
    gate = EMMAGate(1).double().calibrate(psi, weight.double())
    assert gate.location.item() == middle
    assert gate.scale.item() == (high - low if high > low else 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_calibrate_does_not_depend_on_the_scale_of_the_weights(dtype):
    psi = torch.arange(1.0, 201.0, dtype=dtype)[:, None]
    gate = EMMAGate(1).calibrate(psi, torch.full((200,), 1 / 3, dtype=dtype))
    assert (gate.location.item(), gate.scale.item()) == (100, 100)


def test_calibrate_leaves_out_what_is_missing():
    psi = torch.tensor([[1.0, math.nan], [2.0, math.nan], [5.0, math.nan]])
    psi = torch.cat([psi, torch.tensor([[math.nan, math.nan], [9.0, math.nan]])])
    gate = EMMAGate(2).calibrate(psi)
    assert gate.location.tolist() == [2, 0]
    assert gate.scale.tolist() == [4, 1]  # quartiles 1 and 5; no energy at all
    gate.calibrate(psi.flip(1))  # anew: nothing of before is left
    assert (gate.location.tolist(), gate.scale.tolist()) == ([0, 2], [1, 4])
    shift = EMMAGate(2, energy_scaling="shift").calibrate(psi)
    assert shift.location.tolist() == [1, 0]


def test_calibrate_gives_unit_scale_to_an_energy_that_never_varies():
    gate = EMMAGate(1).calibrate(torch.full((5, 1), 3.0))
    assert (gate.location.item(), gate.scale.item()) == (3, 1)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_calibrate_counts_rows_by_their_weight(scaling):
    psi, weight = draw_potential(6, 2), torch.tensor([1.0, 3.0, 2.0, 1.0, 1.0, 4.0])
    repeated = psi.repeat_interleave(weight.long(), dim=0)
    first, second = (EMMAGate(2, energy_scaling=scaling).double() for _ in range(2))
    first.calibrate(psi, weight.double())
    second.calibrate(repeated)
    torch.testing.assert_close(first.location, second.location)
    torch.testing.assert_close(first.scale, second.scale)


def test_calibrate_by_shift_leaves_out_rows_of_weight_0():
    gate = EMMAGate(1, energy_scaling="shift")
    gate.calibrate(torch.tensor([[-9.0], [1.0]]), torch.tensor([0.0, 1.0]))
    assert gate.location.item() == 1


# ------------------------------------------------------------- tensors in and out


def test_modes_of_any_shape_are_multiplied_by_their_attention():
    gate = trained_gate(3)
    shapes = (4, 2), (4, 7, 3), (4, 3, 8, 8)
    modes = [torch.randn(s, generator=torch.Generator()).double() for s in shapes]
    gated, scores = gate(modes, draw_potential(4, 3))
    for i, (before, after) in enumerate(zip(modes, gated, strict=True)):
        assert after.shape == before.shape
        for row in range(4):
            torch.testing.assert_close(
                after[row], before[row] * scores.attention[row, i]
            )


def test_network_gates_columns_as_the_gate_does_modes():
    gate = trained_gate(2)
    index = torch.tensor([0, 1, 1, 0])
    network = EMMANetwork(gate, torch.nn.Identity(), index)
    x, psi = (
        torch.randn(5, 4, generator=torch.Generator()).double(),
        draw_potential(5, 2),
    )
    present = psi < 4
    modes = [x[:, index == mode] for mode in range(2)]
    gated, scores = gate(modes, psi, present)
    output = network(x, psi, present)
    for mode in range(2):
        torch.testing.assert_close(output.logits[:, index == mode], gated[mode])
    torch.testing.assert_close(output.scores.attention, scores.attention)
    assert output.capacity_penalty == gate.attention_gain - gate.attention_bias


@pytest.mark.parametrize("lengths", [(5,), (5, 5, 5), (5, 4)])
def test_modes_that_do_not_fit_are_named(lengths):
    modes = [torch.ones(n, 1) for n in lengths]
    with pytest.raises(
        ValueError, match=r"needs 2 mode tensors of equal length.*\(5, 1\)"
    ):
        EMMAGate(2)(modes, torch.zeros(5, 2))


@pytest.mark.parametrize("shape", [(5, 3), (5,), (4, 2)])
@pytest.mark.parametrize("name", ["potential", "present"])
def test_scores_that_do_not_fit_are_named(name, shape):
    given = {"potential": torch.zeros(5, 2), "present": torch.ones(5, 2).bool()}
    given[name] = torch.ones(shape).bool() if name == "present" else torch.zeros(shape)
    with pytest.raises(ValueError, match=rf"`{name}` must have shape.*\(5, 2\), got"):
        EMMAGate(2)([torch.ones(5, 1)] * 2, **given)


@pytest.mark.parametrize("rows", [1, 4])
def test_potential_energies_of_other_rows_are_an_error(rows):
    with pytest.raises(ValueError, match=r"rows|samples|shape"):
        EMMAGate(2)([torch.ones(5, 1)] * 2, torch.zeros(rows, 2))


@pytest.mark.parametrize(
    ("parameters", "culprit"),
    [
        ({"attention": "loud"}, "attention must be .*'loud'"),
        ({"energy_scaling": "log"}, "energy_scaling must be .*'log'"),
        ({"rho": 0.0}, "rho must be a finite number > 0 or 'learn', got 0.0"),
        ({"rho": -1}, "rho must be a finite number > 0 or 'learn', got -1"),
        ({"rho": "hot"}, "rho must be a finite number > 0 or 'learn', got 'hot'"),
        ({"rho": math.nan}, "rho must be a finite number > 0 or 'learn', got nan"),
    ],
)
def test_bad_parameters_are_named(parameters, culprit):
    with pytest.raises(ValueError, match=culprit):
        EMMAGate(2, **parameters)


def test_summary_holds_copies_under_readable_names():
    gate = trained_gate(3)
    summary = gate.summary()
    assert summary["capacity"] == pytest.approx(gate.capacity().item())
    assert (np.diag(summary["coupling_weights"]) == 0).all()
    summary["energy_weights"][:] = -1
    assert (gate.weight > 0).all()


@pytest.mark.parametrize(
    "wrong", [{"rho": math.inf}, {"rho": 0}, {"gain": 0.0}, {"n_modes": 0}]
)
def test_parameters_out_of_range_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EMMAGate(**{"n_modes": 2, **wrong})


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3)])
def test_calibrate_names_a_shape_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"\(n, n_modes\) = \(n, 2\), got \(5,"):
        EMMAGate(2).calibrate(torch.zeros(shape))


@pytest.mark.parametrize("scaling", ["robust", "shift"])
def test_calibrate_keeps_no_gradient(scaling):
    potential = torch.rand(9, 2, requires_grad=True) * 2
    gate = EMMAGate(2, energy_scaling=scaling).calibrate(potential)
    assert not gate.location.requires_grad and not gate.scale.requires_grad
    copy.deepcopy(gate)
    for _ in range(2):
        gate.scores(potential).attention.sum().backward(retain_graph=True)


@pytest.mark.parametrize("rho", [0.1, 3, 1e-50, 1e39])
def test_a_given_rho_comes_back_as_it_was_given(rho):
    gate = EMMAGate(2, rho=rho)
    np.testing.assert_allclose(gate.double().summary()["rho"], rho, rtol=1e-13)
