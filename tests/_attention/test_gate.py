"""The gate: scores, missing modes, order of modes, absurd values, any shape of mode."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma import EMMAGate
from sklearn_emma._attention.scaling import robust_energy, shift_energy
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._model.network import EMMANetwork

SCALINGS = ["two_sided", "robust", "shift"]
DTYPES = [torch.float32, torch.float64]
seeds = st.integers(0, 2**32 - 1)


def trained_gate(n_modes, seed=0, **parameters):
    """A gate in float64 whose parameters are all away from where they start."""
    gate = EMMAGate(n_modes, **{"coupling": "asymmetric"} | parameters).double()
    generator = torch.Generator().manual_seed(seed)

    def draw(low, high, *shape):
        unit = torch.rand(shape, generator=generator, dtype=torch.float64)
        return low + (high - low) * unit

    limit = 1 / max(n_modes - 1, 1)
    gate.weight.data = draw(0.2, 1.5, n_modes)
    gate.bias.data = draw(0, 1, n_modes)
    gate.coupling.weight.data = draw(-limit, limit, n_modes, n_modes)
    gate.coupling.exponent.data = draw(0, 1, n_modes, n_modes)
    bias = draw(0.05, 0.3)
    if gate.attention_function.bias is not None:
        gate.attention_function.bias.data = bias
    gate.scaling.location.copy_(draw(-2, 0, n_modes))
    scale = draw(0.5, 2, n_modes)
    if hasattr(gate.scaling, "scale"):
        gate.scaling.scale.copy_(scale)
    return gate


def draw_potential(n, n_modes, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return 5 * torch.randn(n, n_modes, generator=generator, dtype=torch.float64)


def restricted(gate, modes):
    """The gate of some of the modes."""
    small = EMMAGate(len(modes), coupling="asymmetric").double()
    small.coupling.symmetric = gate.coupling.symmetric
    pairs = [
        (small, gate, ("weight", "bias")),
        (small.scaling, gate.scaling, ("location", "scale")),
    ]
    for to, of, names in pairs:
        for name in names:
            getattr(to, name).data.copy_(getattr(of, name)[modes])
    for name in ("weight", "exponent"):
        matrix = getattr(gate.coupling, name)
        getattr(small.coupling, name).data.copy_(matrix[modes][:, modes])
    small.attention_function.load_state_dict(gate.attention_function.state_dict())
    small.log_rho.data.copy_(gate.log_rho)
    return small


# -------------------------------------------------------------------- scores


@pytest.mark.parametrize("scaling", SCALINGS)
def test_scores_equal_slow_code(scaling):
    gate = trained_gate(3, energy_scaling=scaling, rho=0.7)
    psi = draw_potential(6, 3)
    known = gate.summary()
    scaled = (
        shift_energy(psi, gate.scaling.location)
        if scaling == "shift"
        else robust_energy(psi, gate.scaling.location, gate.scaling.scale)
    ).numpy()
    for row, scores in enumerate(zip(*gate.scores(psi), strict=True)):
        own = known.energy_weights * scaled[row] + known.energy_biases
        exponent = known.coupling_exponents
        modal = [
            own[i]
            + sum(
                known.coupling_weights[i, j]
                * own[i] ** exponent[i, j]
                * own[j] ** (1 - exponent[i, j])
                for j in range(3)
                if j != i
            )
            for i in range(3)
        ]
        weights = np.exp(-0.7 * np.array(modal))
        importance = weights / weights.sum()
        argument = known.attention_gain * importance - known.attention_bias
        expected = np.tanh(argument).clip(0), importance, np.log(importance), modal
        for field, value in zip(scores, expected, strict=True):
            np.testing.assert_allclose(field.detach(), value, rtol=1e-6)


@given(order=st.permutations(range(4)), seed=seeds, symmetric=st.booleans())
def test_permuted_modes_get_permuted_scores(order, seed, symmetric):
    gate = trained_gate(4, seed)
    if symmetric:
        exponent = gate.coupling.exponent.data
        gate.coupling.symmetric = True
        gate.coupling.exponent.data = (exponent + exponent.T) / 2
    psi = draw_potential(5, 4, seed)
    present = psi < 4
    permuted = restricted(gate, order)
    scores = gate.scores(psi, present)
    for before, after in zip(
        scores, permuted.scores(psi[:, order], present[:, order]), strict=True
    ):
        torch.testing.assert_close(after, before[:, order])


@pytest.mark.parametrize("attention", ["soft", "hard", "importance", "none"])
def test_scores_of_a_row_do_not_depend_on_the_others(attention):
    gate = trained_gate(3, attention_function=attention)
    psi = draw_potential(8, 3)
    alone = [gate.scores(row.unsqueeze(0)) for row in psi]
    for field, parts in zip(gate.scores(psi), zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(field, torch.cat(parts), rtol=1e-12, atol=1e-12)


def test_attention_functions():
    psi = draw_potential(20, 3)
    present = psi < 4
    scores = {
        name: trained_gate(3, attention_function=name).scores(psi, present)
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
    gate = trained_gate(3, coupling="symmetric")
    exponent = gate.summary().coupling_exponents
    np.testing.assert_array_equal(exponent, exponent.T)
    gate.scores(draw_potential(4, 3)).modal_energy.sum().backward()
    assert (gate.coupling.exponent.grad.triu(1)[[0, 0, 1], [1, 2, 2]] != 0).all()


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
    gate = trained_gate(3, attention_function=attention)
    absent = torch.zeros(2, 3, dtype=torch.bool)
    gated, scores = gate([torch.ones(2, 1)] * 3, draw_potential(2, 3), absent)
    assert (scores.attention == 0).all() and (scores.importance == 0).all()
    assert all(field.isfinite().all() for field in scores)
    assert all((mode == 0).all() for mode in gated)


# ------------------------------------------------------------- absurd values


@pytest.mark.parametrize("dtype", DTYPES)
def test_importance_that_underflows_shuts_its_mode_in_hard_attention(dtype):
    """Also at the start, where the bias rests on 0 and so does the threshold."""
    gate = EMMAGate(3, rho=1e3, attention_function="hard").to(dtype)
    scores = gate.scores(torch.tensor([[1.0, 1.0, 5e12]], dtype=dtype))
    assert gate.attention_function.bias == 0 and scores.importance[0, 2] == 0
    assert scores.attention.tolist() == [[1, 1, 0]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("attention", ["soft", "hard"])
def test_an_absurd_energy_shuts_its_mode_and_stays_finite(attention, scaling, dtype):
    parts = {"energy_scaling": scaling, "attention_function": attention}
    gate = EMMAGate(3, coupling="asymmetric", **parts).to(dtype)
    if attention == "hard":
        # Robust energies grow like a logarithm: importance is small, but not 0, and
        # only a threshold above 0 shuts its mode. One of 0 needs importance of 0.
        gate.attention_function.bias.data.fill_(0.0 if scaling == "shift" else 0.05)
    gate.coupling.weight.data.fill_(0.1)
    gate.coupling.exponent.data.fill_(0.9)
    # x = ±1e6 in ten features
    psi = torch.tensor([[1.0, 0.5, 5e12], [5e12] * 3], dtype=dtype)
    scores = gate.scores(psi)
    torch.stack(list(scores)).sum().backward()
    assert all(field.isfinite().all() for field in scores)
    assert all(p.grad.isfinite().all() for p in gate.parameters())
    assert scores.attention[0, 2] < 1e-6
    assert (scores.attention[0, :2] > 0.1).all()
    assert scores.importance.sum(1).tolist() == pytest.approx([1, 1])


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
    layout = ModeLayout.from_columns({"a": [0], "b": [1, 2, 3]})
    network = EMMANetwork(gate, torch.nn.Identity(), layout)
    x, psi = (
        torch.randn(5, 4, generator=torch.Generator()).double(),
        draw_potential(5, 2),
    )
    present = psi < 4
    gated, scores = gate([x[:, :1], x[:, 1:]], psi, present)
    output = network(x, psi, present)
    torch.testing.assert_close(output.logits, torch.cat(gated, dim=1))
    torch.testing.assert_close(output.scores.attention, scores.attention)
    function = gate.attention_function
    assert output.capacity_penalty == function.gain - function.bias


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"potential": torch.ones(5, 1)}, r"`potential` .*= \(n, 2\), got \(5, 1\)"),
        ({"potential": torch.ones(2)}, r"`potential` .*= \(n, 2\), got \(2,\)"),
        ({"present": torch.ones(1, 2).bool()}, r"`present` .*= \(5, 2\), got \(1, 2\)"),
        ({"present": torch.ones(5, 2)}, "`present` must be boolean, got torch.float32"),
    ],
)
def test_scores_broadcast_nothing(given, message):
    with pytest.raises(ValueError, match=message):
        EMMAGate(2).scores(**{"potential": torch.ones(5, 2)} | given)


@pytest.mark.parametrize("array", [np.ones((5, 2)), [[1.0, 2.0]] * 5], ids=type)
def test_what_is_no_tensor_is_named(array):
    gate, psi = EMMAGate(2), torch.ones(5, 2)
    for name, call in {
        "potential": lambda: gate.scores(array),
        "present": lambda: gate.scores(psi, np.ones((5, 2), dtype=bool)),
        "modes": lambda: gate([psi, array], psi),
        "sample_weight": lambda: gate.calibrate(psi, np.ones(5)),
    }.items():
        with pytest.raises(TypeError, match=f"`{name}`: the gate takes torch tensors"):
            call()
    with pytest.raises(TypeError, match="`potential`: the gate takes torch tensors"):
        gate.calibrate(array)


@pytest.mark.parametrize("rows", [1, 4])
def test_potential_energies_of_other_rows_are_an_error(rows):
    with pytest.raises(ValueError, match=r"rows|samples|shape"):
        EMMAGate(2)([torch.ones(5, 1)] * 2, torch.zeros(rows, 2))


def test_modes_without_coupling_have_their_own_energy_alone():
    gate, alone = trained_gate(3), EMMAGate(3, coupling=None).double()
    gate.coupling.weight.data.zero_()
    alone.load_state_dict(gate.state_dict(), strict=False)
    psi = draw_potential(5, 3)
    present = psi < 4
    for one, other in zip(
        gate.scores(psi, present), alone.scores(psi, present), strict=True
    ):
        torch.testing.assert_close(one, other)
    summary = alone.summary()
    assert (summary.coupling_weights == np.zeros((3, 3))).all()
    assert (summary.coupling_exponents == np.ones((3, 3))).all()


# ------------------------------------------------------------- calibration


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_copied_calibration_is_that_of_the_other_gate_and_its_own(scaling):
    psi = draw_potential(7, 2)
    calibrated = EMMAGate(2, energy_scaling=scaling).calibrate(psi)
    other = EMMAGate(2, energy_scaling=scaling)
    other.copy_calibration(calibrated)
    expected = calibrated.scores(psi).modal_energy
    torch.testing.assert_close(other.scores(psi).modal_energy, expected)
    calibrated.calibrate(psi + 100)
    torch.testing.assert_close(other.scores(psi).modal_energy, expected)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3)])
def test_calibrate_names_a_shape_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"\(n, n_modes\) = \(n, 2\), got \(5,"):
        EMMAGate(2).calibrate(torch.zeros(shape))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (torch.ones(4), r"shape \(n,\) = \(5,\), got \(4,\)"),
        (torch.ones(5, 1), r"shape \(n,\) = \(5,\), got \(5, 1\)"),
        (torch.tensor(1.0), r"shape \(n,\) = \(5,\), got \(\)"),
        (-torch.ones(5), "finite and not negative"),
        (torch.full((5,), np.inf), "finite and not negative"),
        (torch.full((5,), np.nan), "finite and not negative"),
    ],
)
def test_calibrate_names_a_weight_that_does_not_fit(weight, message):
    with pytest.raises(ValueError, match=f"`sample_weight` must .*{message}"):
        EMMAGate(2).calibrate(torch.rand(5, 2), weight)


def test_calibrate_takes_no_infinite_energy():
    with pytest.raises(ValueError, match="`potential` must be finite, or NaN"):
        EMMAGate(2).calibrate(torch.tensor([[1.0, np.inf]]))


@pytest.mark.parametrize("n_modes", ["2", 2.0, None, True])
def test_a_number_of_modes_that_is_none_is_named(n_modes):
    with pytest.raises(
        ValueError, match=f"n_modes must be an integer >= 1, got {n_modes!r}"
    ):
        EMMAGate(n_modes=n_modes)


@pytest.mark.parametrize("scaling", ["robust", "shift"])
def test_calibrate_keeps_no_gradient(scaling):
    potential = torch.rand(9, 2, requires_grad=True) * 2
    gate = EMMAGate(2, energy_scaling=scaling).calibrate(potential)
    assert not any(tensor.requires_grad for tensor in gate.scaling.buffers())
    copy.deepcopy(gate)
    for _ in range(2):
        gate.scores(potential).attention.sum().backward(retain_graph=True)
