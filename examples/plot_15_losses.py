"""
Which losses of energies collapse?
==================================

A classifier is an energy for each class, and a loss says how training shapes it. Claim:
a loss that pulls the right energy down and pushes nothing up has no minimum, or makes
all energies alike, unless the architecture fixes their scale. First, each loss is drawn
over the energies of the right class and of the most offending wrong one, with its
minima. Then y = x² is learnt by two architectures under three losses.

Run it with ``python examples/plot_15_losses.py``; it prints the table and saves
``losses.png`` and ``collapse.png``.
"""

# %%
# With two classes the plane of E(y) and E(ȳ) is all that a loss sees. A good loss has
# its minima above the diagonal, where E(y) < E(ȳ), by a margin.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import nn

from sklearn_emma import losses

axis = torch.linspace(-3, 3, 121)
right, wrong = torch.meshgrid(axis, axis, indexing="xy")
plane = torch.stack([right.flatten(), wrong.flatten()], dim=1)
y = torch.zeros(len(plane), dtype=torch.long)


def energy_loss(energies, y):
    """E(y) and nothing else."""
    return energies.gather(1, y[:, None])[:, 0]


FUNCTIONS = {
    "energy": energy_loss,
    "perceptron": losses.perceptron_loss,
    "hinge": losses.hinge_loss,
    "log, nll": losses.log_loss,
    "mce": losses.mce_loss,
    "simple": losses.simple_loss,
    "square_square": losses.square_square_loss,
    "square_exp": losses.square_exp_loss,
}

fig, axes = plt.subplots(2, 4, figsize=(12, 6.4), sharex=True, sharey=True)
for ax, (name, loss) in zip(axes.flat, FUNCTIONS.items(), strict=True):
    height = loss(plane, y).reshape(right.shape)
    least = height <= height.min() + 1e-6
    ax.contourf(right, wrong, height.clamp(max=6), levels=25, cmap="viridis")
    ax.plot(right[least], wrong[least], "s", color="white", markersize=1.5, alpha=0.6)
    ax.plot([-3, 3], [-3, 3], "--", color="grey", linewidth=1)
    ax.set_title(name)
for ax in axes[-1]:
    ax.set_xlabel("E(y)")
for ax in axes[:, 0]:
    ax.set_ylabel("E(ȳ)")
fig.suptitle("Loss over two energies; least values in white, E(y) = E(ȳ) dashed")
fig.tight_layout()
fig.savefig("losses.png", dpi=120)

# %%
# White areas of the hinge, the simple and the square–square loss lie beyond a margin.
# The perceptron's reaches to the diagonal: energies that are all alike are a minimum.
# Of the log, the mce and the square–exponential loss, the least values are at the
# border of the plane: their minima lie at infinity, on the right side. The energy loss,
# too, is least at a border, but at every E(ȳ) alike: it says nothing of wrong answers.
#
# Whether training then collapses depends on the architecture. In both of the following,
# y is one of 21 values from 0 to 1. *Explicit*: E = ½ (y − g(x))², a regression, whose
# scale is fixed. *Implicit*: E = ½ ‖g₁(x) − g₂(y)‖², which is 0 everywhere if both
# networks are constant.

values = torch.linspace(0, 1, 21)[:, None]
x = torch.cat([-values.sqrt().flip(0), values.sqrt()])
target = torch.cat([torch.arange(21).flip(0), torch.arange(21)])


def network(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 32), nn.Tanh(), nn.Linear(32, n_out))


class Explicit(nn.Module):
    """½ (y − g(x))² of all values of y."""

    def __init__(self):
        super().__init__()
        self.g = network(1, 1)

    def forward(self, x):
        """Energies (n, 21) of x (n, 1)."""
        return (values.T - self.g(x)).square() / 2


class Implicit(nn.Module):
    """½ ‖g₁(x) − g₂(y)‖² of all values of y."""

    def __init__(self):
        super().__init__()
        self.of_x, self.of_y = network(1, 8), network(1, 8)

    def forward(self, x):
        """Energies (n, 21) of x (n, 1)."""
        return torch.cdist(self.of_x(x), self.of_y(values)).square() / 2


def likelihood(energies, y):
    """Every wrong value counts, at a temperature that the spacing of values suits."""
    return losses.nll_loss(energies, y, tau=200.0)


# Values that are further apart are to differ more in energy.
apart = losses.SquareSquare(margin=((values - values.T).square() / 2).numpy())
rows, surfaces = {}, {}
for architecture in (Explicit, Implicit):
    for name, loss in [
        ("energy", energy_loss),
        ("square–square", apart),
        ("likelihood", likelihood),
    ]:
        torch.manual_seed(0)
        model = architecture()
        before = float(model(x).detach().std(dim=1).mean())
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(1500):
            optimizer.zero_grad()
            loss(model(x), target).mean().backward()
            optimizer.step()
        energies = model(x).detach()
        answers = values[energies.argmin(dim=1), 0]
        key = architecture.__name__.lower(), name
        surfaces[key] = model(torch.linspace(-1, 1, 81)[:, None]).detach()
        rows[key] = {
            "mean error of y": float((answers - x[:, 0] ** 2).abs().mean()),
            "spread of E over y": float(energies.std(dim=1).mean()),
            "before training": before,
        }
table = pd.DataFrame(rows).T.rename_axis(["architecture", "loss"])
print(table.round(4).to_string())

fig, axes = plt.subplots(2, 3, figsize=(10, 6), sharex=True, sharey=True)
for ax, (key, surface) in zip(axes.flat, surfaces.items(), strict=True):
    above = (surface - surface.amin(dim=1, keepdim=True)).T
    grid = np.linspace(-1, 1, 81)
    image = ax.pcolormesh(grid, values[:, 0], above, vmin=0, vmax=0.1)
    ax.plot(grid, grid**2, color="white")
    ax.set_title(", ".join(key))
fig.suptitle("Energy above the least at each x, on one scale; y = x² in white")
fig.tight_layout()
fig.colorbar(image, ax=axes, extend="max")
fig.savefig("collapse.png", dpi=120)

# %%
# The regression needs no push: under the energy loss it learns y = x² without an error,
# and its energies are as far apart as its architecture says. The two networks of the
# implicit architecture become alike instead. Under the energy loss the spread of their
# energies over y falls from 0.076 to 0.0007, and more training lowers it further; that
# the least of them is still near y = x² is owed to where training began. The
# square–square loss keeps ten times as much, which is what its margins ask for, and the
# likelihood makes it thirty times what it was. So
# :class:`~sklearn_emma.EMMARegressor` may take an energy as its loss, and
# :class:`~sklearn_emma.EMMAClassifier`, whose energies have no fixed scale, has no
# energy loss.
