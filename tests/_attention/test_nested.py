"""A gate of gates: by hand, and where there is nothing to choose between at a level."""

import copy

import pytest
import torch

from sklearn_emma import EMMAGate
from sklearn_emma._attention.nested import NestedGate, ScaledAlready

SIZES = [2, 1, 3]


def draw(*shape, seed=0, low=-2.0, high=4.0):
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(shape, generator=generator, dtype=torch.float64)
    return low + (high - low) * unit


def trained(gate, seed=3):
    """The gate, or gates, calibrated, with parameters away from where they start."""
    gate.double().calibrate(draw(200, gate.n_modes, seed=seed))
    for k, one in enumerate(gate.gates if isinstance(gate, NestedGate) else [gate]):
        one.weight.data = draw(len(one.weight), seed=seed + k, low=0.3, high=2.0)
        one.bias.data = draw(len(one.bias), seed=seed + k, low=0.0, high=1.0)
        one.log_rho.data.fill_(0.3 * k - 0.1)
        function = one.attention_function
        if function.bias is not None:
            function.gain.data.fill_(3.0 + k)
            function.bias.data.fill_(0.2)
    return gate


def some_missing(n, n_parts, seed=5):
    return draw(n, n_parts, seed=seed, low=0.0, high=1.0) > 0.3


def assert_same(nested, flat):
    """Attention, importance and energy are equal to the bit."""
    for name in ("attention", "importance", "modal_energy"):
        assert torch.equal(getattr(nested, name), getattr(flat, name)), name


# ------------------------------------------------------------------- the flat gate


@pytest.mark.parametrize("n_parts", [[1] * 4, [4]], ids=["one part each", "one mode"])
@pytest.mark.parametrize("coupling", [None, "asymmetric"])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("energy_scaling", ["two_sided", "robust", "shift"])
def test_with_one_level_to_choose_in_it_is_the_flat_gate(
    n_parts, coupling, balanced, energy_scaling
):
    params = {"coupling": coupling, "energy_scaling": energy_scaling}
    flat, nested = EMMAGate(4, **params), NestedGate(n_parts, **params)
    for gate in (flat, nested):
        trained(gate)
        if balanced:
            gate.balance(torch.tensor([1.0, 1.5, 1.2, 1.1]))
    potential = draw(50, 4, high=20.0)
    for present in (None, some_missing(50, 4)):
        assert_same(nested.scores(potential, present), flat.scores(potential, present))
    assert torch.equal(nested.capacity(), flat.capacity())
    assert torch.equal(nested.capacity_penalty(), flat.capacity_penalty())
    assert str(nested.summary()) == str(flat.summary())


@pytest.mark.parametrize("n_parts", [[1] * 4, [4]], ids=["one part each", "one mode"])
def test_gradients_are_those_of_the_flat_gate(n_parts):
    flat, nested = trained(EMMAGate(4)), trained(NestedGate(n_parts))
    potential, present = draw(30, 4, high=9.0), some_missing(30, 4)
    for gate in (flat, nested):
        gate.scores(potential, present).attention.square().sum().backward()
    expected = dict(flat.named_parameters())
    for name, parameter in nested.outermost.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name].grad)


def test_a_single_part_in_a_single_mode_would_leave_nothing_to_choose():
    with pytest.raises(ValueError, match="two parts or more"):
        NestedGate([1])


# ---------------------------------------------------------------------- two levels


def test_scores_equal_slow_code():
    gate = trained(NestedGate(SIZES))
    potential, present = draw(20, 6, high=9.0), some_missing(20, 6)
    found = gate.scores(potential, present)
    scaled = gate.scaling(potential)
    modes = [[0, 1], [2], [3, 4, 5]]
    for row in range(20):
        of_mode, weight = [], {}
        for i, parts in enumerate(modes):
            there = [p for p in parts if present[row, p]]
            inside = gate.inside(i)
            alpha = dict.fromkeys(there, torch.tensor(1.0, dtype=torch.float64))
            beta = alpha
            if inside is not None and there:
                place = [parts.index(p) for p in there]
                e = scaled[row, there] * inside.weight[place] + inside.bias[place]
                shares = torch.softmax(-inside.rho * e, dim=0)
                alpha = dict(zip(there, shares, strict=True))
                g = inside.attention_function
                beta = {
                    p: torch.tanh(g.gain * a - g.bias).clamp_min(0)
                    for p, a in alpha.items()
                }
            of_mode.append(sum(a * scaled[row, p] for p, a in alpha.items()))
            weight |= {p: (i, alpha[p], beta[p]) for p in there}
        known = [i for i, parts in enumerate(modes) if present[row, parts].any()]
        if not known:
            continue
        upper = gate.upper
        energy = torch.stack([of_mode[i] * upper.weight[i] for i in known])
        shares = torch.softmax(-upper.rho * (energy + upper.bias[known]), dim=0)
        g = upper.attention_function
        above = torch.tanh(g.gain * shares - g.bias).clamp_min(0)
        for p in range(6):
            expected_alpha = expected_beta = torch.tensor(0.0, dtype=torch.float64)
            if p in weight:
                i, alpha, beta = weight[p]
                expected_alpha = alpha * shares[known.index(i)]
                expected_beta = beta * above[known.index(i)]
            torch.testing.assert_close(found.importance[row, p], expected_alpha)
            torch.testing.assert_close(found.attention[row, p], expected_beta)


def test_importance_of_parts_sums_to_that_of_their_mode():
    gate = trained(NestedGate(SIZES))
    scores = gate.scores(draw(30, 6, high=9.0), some_missing(30, 6))
    sums = [parts.sum(1) for parts in scores.importance.split(SIZES, dim=1)]
    torch.testing.assert_close(torch.stack(sums, dim=1), scores.above.importance)


def test_a_broken_part_loses_attention_and_its_mode_keeps_most():
    def after_and_before(gate):
        usual = gate.scaling.location[None].repeat(2, 1)
        usual[0, 0] += 100
        return gate.scores(usual)

    nested = after_and_before(NestedGate([3, 3]).calibrate(draw(500, 6)))
    flat = after_and_before(EMMAGate(2).calibrate(draw(500, 2)))
    after, before = nested.attention
    assert after[0] < 0.2 * before[0]
    assert (after[1:] > before[1:]).all()
    after, before = nested.above.attention[:, 0]
    assert after > 0.95 * before
    after, before = flat.attention[:, 0]
    assert after < 0.2 * before  # turned down as a whole


def test_a_mode_whose_parts_are_all_missing_is_missing():
    gate = trained(NestedGate(SIZES))
    potential = draw(10, 6)
    present = torch.ones(10, 6, dtype=torch.bool)
    present[:, 3:] = False
    scores = gate.scores(potential, present)
    assert (scores.above.attention[:, 2] == 0).all()
    assert (scores.attention[:, 3:] == 0).all()
    alone = trained(NestedGate([2, 1]))
    for one, other in zip(alone.gates, gate.gates[:2], strict=True):
        one.log_rho.data = other.log_rho.data
        one.attention_function.load_state_dict(other.attention_function.state_dict())
        for name in ("weight", "bias"):
            kept = getattr(other, name).data[: len(getattr(one, name))]
            getattr(one, name).data = kept.clone()
    for name in ("location", "scale", "lowest", "rise"):
        getattr(alone.scaling, name).copy_(getattr(gate.scaling, name)[:3])
    others = alone.scores(potential[:, :3])
    torch.testing.assert_close(others.attention, scores.attention[:, :3])
    torch.testing.assert_close(others.importance, scores.importance[:, :3])


def test_what_stands_for_a_missing_part_matters_neither_to_scores_nor_to_gradients():
    gate, present = trained(NestedGate(SIZES)), some_missing(20, 6)
    potential = draw(20, 6)
    odd = torch.where(present, potential, torch.inf)
    results = []
    for values in (potential, odd):
        gate.zero_grad()
        scores = gate.scores(values, present)
        scores.attention.sum().backward()
        grads = [p.grad.clone() for p in gate.parameters() if p.grad is not None]
        results.append([scores.attention, *grads])
    assert all(map(torch.equal, *results))


def test_usual_energies_give_the_shares_that_the_gate_was_balanced_with():
    gate = NestedGate(SIZES).double().calibrate(draw(300, 6))
    worth = torch.tensor([1.0, 1.4, 1.25, 1.5, 1.1, 1.2], dtype=torch.float64)
    gate.balance(worth)
    for one in gate.gates:  # whatever is learnt of failures
        one.weight.data = draw(len(one.weight), low=0.3, high=2.0)
    usual = gate.scores(gate.scaling.location[None])
    best = torch.stack([parts.max() for parts in worth.split(SIZES)])
    torch.testing.assert_close(usual.above.importance[0], best / best.sum())
    shares = torch.cat([parts / parts.sum() for parts in worth.split(SIZES)])
    modes = (best / best.sum()).repeat_interleave(torch.tensor(SIZES))
    torch.testing.assert_close(usual.importance[0], shares * modes)


def test_the_capacity_term_is_that_of_modes_plus_the_mean_within_them():
    gate = trained(NestedGate(SIZES))
    terms = [one.capacity_penalty() for one in gate.gates]
    expected = terms[0] + (terms[1] + terms[2]) / 2
    torch.testing.assert_close(gate.capacity_penalty(), expected)


def test_all_gates_are_kept_within_their_bounds():
    gate = trained(NestedGate(SIZES, coupling="asymmetric"))
    for parameter in gate.parameters():
        parameter.data.fill_(-7.0)
    gate.project()
    for one in gate.gates:
        assert (one.weight >= 0).all() and (one.bias >= 0).all()
        limit = 1 / (one.n_modes - 1)
        assert (one.coupling.weight >= -limit).all()


def test_a_copied_calibration_gives_the_same_scores():
    gate = trained(NestedGate(SIZES))
    copied = copy.deepcopy(gate).calibrate(draw(100, 6, seed=9, high=50.0))
    potential = draw(10, 6)
    before = copied.scores(potential).attention
    copied.copy_calibration(gate)
    assert not torch.equal(before, copied.scores(potential).attention)
    assert_same(copied.scores(potential), gate.scores(potential))


def test_a_change_of_type_is_as_if_calibrated_in_it():
    gate = NestedGate(SIZES).calibrate(draw(100, 6)).balance(torch.ones(6))
    again = copy.deepcopy(gate).double()
    for one in again.gates:
        assert one.scaling.location.dtype == torch.float64
    usual = again.scaling(again.scaling.location[None])[0]
    assert torch.equal(again.inside(2).scaling.location, usual[3:])


def test_energies_that_were_scaled_before_stay_as_they_are():
    energies = draw(5, 3)
    scaling = ScaledAlready(3).double()
    scaling.calibrate(energies, torch.ones(5))
    assert scaling(energies) is energies
