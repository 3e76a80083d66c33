import numpy as np
import pytest

import helpers
from sklearn_emma._statistics.quantiles import weighted_quantiles


def fitted(X, y, **params):
    given = {k: params.pop(k) for k in ("sample_weight", "corrupted") if k in params}
    model = helpers.quick(modes=helpers.UNEQUAL_MODES, warm_start=True, **params)
    return model.fit(X, y, **given)


def expected_energies(model, X):
    """E of training rows by energies that have not seen them, through the gate."""
    potential = helpers.held_out_energies(model, X)
    present = ~np.isnan(potential)
    scores = model.network_.gate.scores(
        helpers.torch.from_numpy(np.nan_to_num(potential)),
        helpers.torch.from_numpy(present),
    )
    return np.where(present, scores.modal_energy.detach(), np.nan)


def test_quantiles_are_those_of_energies_that_have_not_seen_the_row():
    X, y = helpers.three_unequal_modes()
    model = fitted(X, y)
    energies, levels = expected_energies(model, X), np.linspace(0, 1, 101)
    expected = weighted_quantiles(energies, np.ones(len(X)), levels)
    for mode, column in zip("abc", expected, strict=True):
        found = model.reference_[mode]["modal_energy"]
        np.testing.assert_allclose(found, column, rtol=1e-5)
        np.testing.assert_allclose(found.index, levels)
        attention = model.reference_[mode]["attention"]
        assert attention.is_monotonic_increasing and attention.between(0, 1).all()


def test_missing_and_corrupted_values_are_left_out_and_weights_count():
    X, y = helpers.three_unequal_modes()
    X[:40, 5] = np.nan
    corrupted = np.zeros((len(X), 3), dtype=bool)
    corrupted[50:70, 0] = True
    X[50:70, :3] += 1e4
    weight = np.arange(len(X)) % 3
    model = fitted(X, y, sample_weight=weight, corrupted=corrupted)
    X[50:70, :3] = np.nan
    energies = expected_energies(model, X)
    for i, mode in enumerate("abc"):
        known = ~np.isnan(energies[:, i])
        expected = weighted_quantiles(
            energies[known, i][:, np.newaxis], weight[known], np.linspace(0, 1, 101)
        )[0]
        found = model.reference_[mode]["modal_energy"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("rows", [7, 64])
def test_chunks_change_nothing(monkeypatch, rows):
    X, y = helpers.three_unequal_modes()
    expected = fitted(X, y).reference_
    kind = type(fitted(X, y)._model)
    monkeypatch.setattr(kind, "chunk_rows", property(lambda self: rows))
    np.testing.assert_allclose(fitted(X, y).reference_, expected, rtol=1e-12)
