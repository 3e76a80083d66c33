"""What a corruption is, and how it meets a matrix."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

from sklearn_emma._validation import Interval, validate_parameter_constraints


@runtime_checkable
class Corruption(Protocol):
    """What :class:`~sklearn_emma.EMMAClassifier` asks of a corruption."""

    def corrupt(self, x: Tensor, mode_index: Tensor, generator: Generator) -> Tensor:
        """Return ``x`` (n, d) as it would be if every mode failed."""
        ...


def check_corruption(corruption: Any, name: str) -> None:
    """See that something is a corruption; ``name`` is what the message calls it.

    Those of a mixture are checked by the mixture, and parameters by their corruption,
    when they are asked to corrupt.

    Raises
    ------
    ValueError
        Says what it is instead.
    """
    if inspect.isclass(corruption):
        raise ValueError(
            f"{name} must be an instance, got the class {corruption.__name__}; write "
            f"{corruption.__name__}()."
        )
    if not isinstance(corruption, Corruption):
        raise ValueError(f"{name} must have a method `corrupt`, got {corruption!r}.")


def check_failures(
    caller: str, clean_fraction: float, n_failing: int, n_modes: int
) -> None:
    """See that these numbers, which ``caller`` was given, can be met.

    Raises
    ------
    ValueError
        Names the parameter and its range.
    """
    validate_parameter_constraints(
        {
            "clean_fraction": [Interval(Real, 0, 1, closed="both")],
            "n_failing": [Interval(Integral, 1, None, closed="left")],
        },
        {"clean_fraction": clean_fraction, "n_failing": n_failing},
        caller_name=caller,
    )
    if n_failing > n_modes:
        raise ValueError(
            f"n_failing={n_failing} modes cannot fail at once: there are only "
            f"{n_modes}."
        )


def fail_modes(
    x: Tensor,
    mode_index: Tensor,
    corruption: Corruption,
    generator: Generator,
    *,
    clean_fraction: float = 0.0,
    n_failing: int = 1,
) -> tuple[Tensor, Tensor]:
    """Let ``n_failing`` modes, drawn uniformly, fail in each row that is not clean.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
        Values in units of the training standard deviation; NaN where missing.
    mode_index : Tensor of shape (n_features,)
        Mode of each column, from 0.
    corruption : Corruption
        What happens to a mode that fails.
    generator : torch.Generator
        Decides everything.
    clean_fraction : float in [0, 1], default=0.0
        Probability that a row is left as it is.
    n_failing : int, default=1
        Number of failing modes in a row that is not clean, from 1 to all of them.

    Returns
    -------
    x_failed : Tensor of shape (n_samples, n_features)
        A new tensor.
    corrupted : Tensor of shape (n_samples, n_modes)
        Boolean; True where a mode failed.

    Raises
    ------
    ValueError
        If ``clean_fraction``, ``n_failing`` or a parameter of the corruption is out of
        its range, ``corruption`` is none, or does not return a tensor like ``x``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import MissingMode, fail_modes
    >>> x, generator = torch.ones(2, 4), torch.Generator().manual_seed(0)
    >>> x_failed, corrupted = fail_modes(
    ...     x, torch.tensor([0, 0, 1, 1]), MissingMode(), generator
    ... )
    >>> bool((x_failed.isnan() == corrupted[:, [0, 0, 1, 1]]).all())
    True
    """
    n, n_modes = len(x), int(mode_index.max()) + 1
    check_failures("fail_modes", clean_fraction, n_failing, n_modes)
    check_corruption(corruption, "`corruption`")
    lottery = torch.rand(n, n_modes, generator=generator, device=x.device)
    ranks = lottery.argsort(dim=1).argsort(dim=1)
    fails = torch.rand(n, 1, generator=generator, device=x.device) >= clean_fraction
    corrupted = (ranks < n_failing) & fails
    # A copy: a corruption that writes to what it is given must not spoil clean rows.
    failed = corruption.corrupt(x.clone(), mode_index, generator)
    if not isinstance(failed, Tensor) or failed.shape != x.shape:
        got = tuple(failed.shape) if hasattr(failed, "shape") else repr(failed)
        raise ValueError(
            f"`corruption` must return a tensor of the shape of x; {corruption!r} made "
            f"{got} of {tuple(x.shape)}."
        )
    return torch.where(corrupted[:, mode_index], failed, x), corrupted
