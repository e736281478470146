r"""
Momentum, and Nesterov's
========================

A ball that rolls down a valley does not stop at each point to ask for the slope. It has a *velocity*, which the slope only
changes. What points along the valley adds up, what jitters across it cancels. The lecture's rule, whose velocity starts at 0:

.. math:: v \leftarrow \rho v + \nabla L(w), \qquad w \leftarrow w - \eta v

:math:`\rho`, 0.9 or 0.99, is the share of the velocity that stays; it is called momentum, and acts like friction.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df
from deeprob_fast.optim import textbook

# %%
# A valley with a condition number of 25. The loss at w is ``(curvatures * w**2).sum() / 2``, its gradient ``curvatures * w``.

curvatures = np.array([1.0, 25.0])


def gradient_at(w: np.ndarray) -> np.ndarray:
    """Return the gradient."""
    return np.asarray(curvatures * w)


# %%
# The formula by hand, and ``df.optim.SGD``, whose names, arguments and arithmetic are PyTorch's. It changes the array in place.

w, v = np.array([-4.0, 0.6]), np.zeros(2)
same, optimizer = w.copy(), df.optim.SGD(lr=0.03, momentum=0.8)
for _ in range(60):
    w, v = textbook.momentum_step(w, v, gradient_at(w), lr=0.03, rho=0.8)
    optimizer.step(same, gradient_at(same))
assert np.allclose(w, same)

# %%
# *Nesterov's* momentum looks ahead. The velocity will carry w to :math:`w + \mu v` anyway, so the slope there is the one to use:
#
# .. math:: v \leftarrow \mu v - \eta \nabla L(w + \mu v), \qquad w \leftarrow w + v
#
# Here the learning rate is inside the velocity; while it is constant, that is the same.

optimizers = {
    "gradient descent": df.optim.SGD(lr=0.03),
    "momentum 0.8": df.optim.SGD(lr=0.03, momentum=0.8),
    "Nesterov 0.8": df.optim.SGD(lr=0.03, momentum=0.8, nesterov=True),
}
paths = {}
for name, optimizer in optimizers.items():
    w = np.array([-4.0, 0.6])
    points = [w.copy()]
    for _ in range(60):
        optimizer.step(w, gradient_at(w))
        points.append(w.copy())
    paths[name] = np.array(points)
losses = {name: (curvatures * path**2).sum(axis=1) / 2 for name, path in paths.items()}
assert losses["momentum 0.8"][-1] < losses["gradient descent"][-1] / 100
assert losses["Nesterov 0.8"][-1] < losses["momentum 0.8"][-1]

# %%
# The dots are steps. Momentum overshoots, and is far ahead all the same; Nesterov's, which looks ahead, overshoots less.

overshoot = {name: path[:, 0].max() for name, path in paths.items()}
assert overshoot["momentum 0.8"] > overshoot["Nesterov 0.8"] > 0 > overshoot["gradient descent"]

x, y = np.meshgrid(np.linspace(-4.5, 2.5, 200), np.linspace(-1.2, 1.2, 100))
height = (curvatures[0] * x**2 + curvatures[1] * y**2) / 2
figure, axes = plt.subplots(len(paths), 1, figsize=(7, 7), sharex=True, layout="constrained")
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    ax.contour(x, y, height, levels=np.geomspace(0.05, 20, 9), colors="0.75", linewidths=0.8)
    ax.plot(path[:, 0], path[:, 1], ".-", color="tab:blue", linewidth=1)
    ax.plot(0, 0, "k+", markersize=10)
    ax.set_title(f"{name}: loss {losses[name][-1]:.1g} after 60 steps", fontsize=10)

# %%
# On a logarithmic scale, a constant factor a step is a straight line.

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for style, (name, values) in zip(("-", "--", ":"), losses.items(), strict=True):
    ax.semilogy(values, style, label=name)
ax.set(xlabel="step", ylabel="loss")
ax.legend()

# %%
# Why it helps, in a number. If the gradient stays the same, the velocity grows to
# :math:`1 + \rho + \rho^2 + \cdots = 1 / (1 - \rho)` times the gradient: steps ten times as long for 0.9, a hundred times for
# 0.99. Where it changes sign each time, they become shorter, :math:`1 / (1 + \rho)`.

for gradients, factor in (((1.0, 1.0), 1 / (1 - 0.9)), ((1.0, -1.0), 1 / (1 + 0.9))):
    at, v = np.zeros(1), np.zeros(1)
    for step in range(300):
        at, v = textbook.momentum_step(at, v, np.array([gradients[step % 2]]), lr=1.0, rho=0.9)
    assert np.isclose(abs(v[0]), factor)

# %%
# PyTorch stores the point ahead instead of w, so that it gets along with the gradient at the stored point. It is the same path,
# seen from another point:

w, v = np.array([-4.0, 0.6]), np.zeros(2)
stored, optimizer = w.copy(), df.optim.SGD(lr=0.03, momentum=0.8, nesterov=True)
for _ in range(20):
    w, v = textbook.nesterov_step(w, v, gradient_at, lr=0.03, mu=0.8)
    optimizer.step(stored, gradient_at(stored))
assert np.allclose(stored, w + 0.8 * v)

# %%
# :doc:`/guide/optimizers` sorts out the conventions, :doc:`/conventions` those of other libraries.
