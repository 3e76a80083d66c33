"""The EMMA gate as a torch module: energies in, gated modes and scores out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sklearn_emma import _energies
from sklearn_emma._constraints import Bounds, project
from sklearn_emma._quantiles import median_and_iqr
from sklearn_emma._shared_energy import shared_energy

_ATTENTION = {
    "soft": _energies.soft_attention,
    "hard": _energies.hard_attention,
    "importance": _energies.plain_importance,
    "none": _energies.full_attention,
}


class GateScores(NamedTuple):
    """What the gate knows of each sample and mode; every field has shape (n, M).

    ``attention`` β in [0, 1] multiplies the mode; ``importance`` α sums to 1 over the
    modes that are present; ``log_importance`` is its stable logarithm (a very negative
    number where a mode is missing); ``modal_energy`` E is low for a mode that looks
    right.
    """

    attention: Tensor
    importance: Tensor
    log_importance: Tensor
    modal_energy: Tensor


class EMMAGate(nn.Module):
    """Energy-based multi-modal attention, to be put in front of any predictor.

    Parameters
    ----------
    n_modes : int
        Number of modes M.
    rho : float or "learn", default="learn"
        Coldness ρ > 0 of the Gibbs distribution. ``"learn"`` makes log ρ a parameter
        that starts at 0.
    energy_scaling : {"robust", "shift"}, default="robust"
        How potential energies are scaled before anything is learnt from them.
    attention : {"soft", "hard", "importance", "none"}, default="soft"
        β = max(0, tanh(g α − b_a)), its all-or-nothing version, β = α, or no attention
        at all: β = 1 for every mode that is present.
    symmetric : bool, default=False
        Whether the coupling exponents satisfy γ_ij = γ_ji.
    gain : float or None, default=None
        Initial gain g > 0 of the attention function; None: 2 M, so that modes of equal
        importance pass nearly unchanged, whatever M is.

    Notes
    -----
    ``calibrate`` must see the potential energies of clean training data once, before
    training. After each optimiser step call ``project`` to keep the parameters within
    their bounds: w ≥ 0, b ≥ 0, γ in [0, 1], ``|w_ij|`` ≤ 1/(M − 1), g > 0,
    b_a in [0, 1].

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019.

    Examples
    --------
    Two modes, a sequence and an image, with potential energies from elsewhere:

    >>> import torch
    >>> from sklearn_emma import EMMAGate
    >>> sequences, images = torch.ones(5, 7), torch.ones(5, 3, 8, 8)
    >>> gate = EMMAGate(n_modes=2)
    >>> potential = torch.tensor([[0.0, 0.0]] * 4 + [[0.0, 50.0]])
    >>> gate = gate.calibrate(potential[:4])
    >>> gated, scores = gate([sequences, images], potential)
    >>> gated[1].shape
    torch.Size([5, 3, 8, 8])
    >>> bool(scores.attention[4, 1] < scores.attention[4, 0])
    True
    """

    location: Tensor
    scale: Tensor
    log_rho: Tensor

    def __init__(
        self,
        n_modes: int,
        *,
        rho: float | str = "learn",
        energy_scaling: str = "robust",
        attention: str = "soft",
        symmetric: bool = False,
        gain: float | None = None,
    ) -> None:
        super().__init__()
        if attention not in _ATTENTION:
            raise ValueError(
                f"attention must be one of {list(_ATTENTION)}, got {attention!r}."
            )
        if energy_scaling not in ("robust", "shift"):
            raise ValueError(
                f"energy_scaling must be 'robust' or 'shift', got {energy_scaling!r}."
            )
        if n_modes < 1 or (gain is not None and not gain > 0):
            raise ValueError(
                f"n_modes must be >= 1 and gain > 0, got {n_modes!r} and {gain!r}."
            )
        self.n_modes = n_modes
        self.energy_scaling = energy_scaling
        self.attention = attention
        self.symmetric = symmetric
        self.weight = nn.Parameter(torch.ones(n_modes))
        self.bias = nn.Parameter(torch.zeros(n_modes))
        self.coupling = nn.Parameter(torch.zeros(n_modes, n_modes))
        self.exponent = nn.Parameter(torch.full((n_modes, n_modes), 0.5))
        start = 2.0 * n_modes if gain is None else float(gain)
        self.attention_gain = nn.Parameter(torch.tensor(start))
        self.attention_bias = nn.Parameter(torch.zeros(()))
        if rho == "learn":
            self.log_rho = nn.Parameter(torch.zeros(()))
        elif isinstance(rho, str) or not 0 < rho < math.inf:
            raise ValueError(
                f"rho must be a finite number > 0 or 'learn', got {rho!r}."
            )
        else:
            # In double precision, so that ρ comes back as it was given.
            log_rho = torch.tensor(math.log(rho), dtype=torch.float64)
            self.register_buffer("log_rho", log_rho)
        self.register_buffer("location", torch.zeros(n_modes))
        self.register_buffer("scale", torch.ones(n_modes))

    @property
    def rho(self) -> Tensor:
        """Coldness ρ, a scalar tensor."""
        return self.log_rho.exp()

    @torch.no_grad()
    def calibrate(
        self, potential: Tensor, sample_weight: Tensor | None = None
    ) -> EMMAGate:
        """Take location and scale from the potential energies (n, M) of clean data.

        NaN marks a missing mode and is left out. ``sample_weight`` (n,) counts rows.
        Raises ``ValueError`` if ``potential`` has another shape.
        """
        if potential.dim() != 2 or potential.shape[1] != self.n_modes:
            raise ValueError(
                f"`potential` must have shape (n, n_modes) = (n, {self.n_modes}), got "
                f"{tuple(potential.shape)}."
            )
        ones = potential.new_ones(len(potential))
        weight = ones if sample_weight is None else sample_weight
        for mode in range(self.n_modes):
            known = ~potential[:, mode].isnan() & (weight > 0)
            values = potential[known, mode]
            if self.energy_scaling == "shift":
                self.location[mode] = values.min() if len(values) else 0.0
                continue
            location, scale = 0.0, 1.0  # of a mode that is never there
            if len(values):
                column = values.unsqueeze(1).cpu().numpy()
                found = median_and_iqr(column, weight[known].cpu().numpy())
                location, scale = (float(array[0]) for array in found)
            self.location[mode], self.scale[mode] = location, scale
        return self

    def scores(self, potential: Tensor, present: Tensor | None = None) -> GateScores:
        """Energies, importance and attention from potential energies alone.

        ``potential`` (n, M); ``present`` (n, M) is False where a mode is missing.
        """
        potential = potential.to(self.weight.dtype)
        if present is not None:
            # Whatever stands for a missing mode, NaN too, must not reach a gradient.
            potential = torch.where(present, potential, self.location)
        if self.energy_scaling == "shift":
            scaled = _energies.shift_energy(potential, self.location)
        else:
            scaled = _energies.robust_energy(potential, self.location, self.scale)
        modal = _energies.self_energy(scaled, self.weight, self.bias)
        if self.n_modes > 1:
            modal = modal + shared_energy(
                modal, self.coupling, self._exponent(), present
            )
        log_importance = _energies.log_importance(modal, self.rho, present)
        importance = log_importance.exp()
        if present is not None:
            importance = importance * present
        attention = _ATTENTION[self.attention](
            importance, self.attention_gain, self.attention_bias
        )
        if present is not None:
            attention = attention * present
        return GateScores(attention, importance, log_importance, modal)

    def forward(
        self,
        modes: Sequence[Tensor],
        potential: Tensor,
        present: Tensor | None = None,
    ) -> tuple[list[Tensor], GateScores]:
        """Multiply each mode by its attention.

        Parameters
        ----------
        modes : sequence of M tensors of shape (n, ...)
            Centred, so that 0 is a harmless value; of any shape behind the first axis.
        potential : Tensor of shape (n, M)
            Potential energy of each mode; any value where a mode is missing.
        present : Tensor of shape (n, M), default=None
            Boolean, False where a mode is missing; None: all are present.

        Returns
        -------
        gated : list of M tensors
            Of the shapes of ``modes``.
        scores : GateScores
            Attention, importance and energies, (n, M) each.

        Raises
        ------
        ValueError
            If the number of modes or the shape of ``potential`` does not fit.
        """
        lengths = {len(x) for x in modes}
        if len(modes) != self.n_modes or len(lengths) != 1:
            raise ValueError(
                f"The gate needs {self.n_modes} mode tensors of equal length; got "
                f"shapes {[tuple(x.shape) for x in modes]}."
            )
        expected = (len(modes[0]), self.n_modes)
        for name, tensor in (("potential", potential), ("present", present)):
            if tensor is not None and tensor.shape != expected:
                raise ValueError(
                    f"`{name}` must have shape (n, n_modes) = {expected}, got "
                    f"{tuple(tensor.shape)}."
                )
        scores = self.scores(potential, present)
        gated = [
            x * beta.view(-1, *[1] * (x.dim() - 1))
            for x, beta in zip(modes, scores.attention.unbind(1), strict=True)
        ]
        return gated, scores

    def capacity(self) -> Tensor:
        """Area under the attention curve, a scalar tensor."""
        return _energies.capacity(self.attention_gain, self.attention_bias)

    def capacity_penalty(self) -> Tensor:
        """C = g − b_a, what λ_c multiplies."""
        return self.attention_gain - self.attention_bias

    def summary(self) -> dict[str, Any]:
        """Everything learnt, as numbers and arrays under readable names."""
        arrays = {
            "energy_weights": self.weight,
            "energy_biases": self.bias,
            "coupling_weights": self.coupling - torch.diag(self.coupling.diagonal()),
            "coupling_exponents": self._exponent(),
        }
        numbers = {
            "rho": self.rho,
            "attention_gain": self.attention_gain,
            "attention_bias": self.attention_bias,
            "capacity": self.capacity(),
        }
        summary: dict[str, Any] = {
            name: value.detach().cpu().numpy().copy() for name, value in arrays.items()
        }
        return summary | {
            name: float(value.detach()) for name, value in numbers.items()
        }

    def bounds(self) -> Bounds:
        """Parameters with the box that each must stay in."""
        limit = 1.0 / max(self.n_modes - 1, 1)
        return [
            (self.weight.data, 0.0, None),
            (self.bias.data, 0.0, None),
            (self.coupling.data, -limit, limit),
            (self.exponent.data, 0.0, 1.0),
            (self.attention_gain.data, 1e-3, None),
            (self.attention_bias.data, 0.0, 1.0),
        ]

    def project(self) -> None:
        """Put every parameter back within its bounds, in place."""
        project(self.bounds())

    def _exponent(self) -> Tensor:
        if self.symmetric:
            upper = self.exponent.triu()
            return upper + self.exponent.triu(1).T
        return self.exponent
