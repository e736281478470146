"""
Momentum in a long valley
=========================

The loss falls steeply across a valley and gently along it. Plain gradient descent must take steps that are small
enough for the steep direction, and creeps along the other one. With momentum, what points along the valley adds up.
"""

import numpy as np
from matplotlib import pyplot as plt

from deeprob_fast import optim

# %%
# A quadratic whose curvatures differ by a factor of 25: that is the condition number of its Hessian. The loss at w is
# ``(curvatures * w**2).sum() / 2``, its gradient ``curvatures * w``.

curvatures = np.array([1.0, 25.0])

# %%
# Optimizers have PyTorch's names, arguments and arithmetic. They change the array in place.

optimizers = {
    "gradient descent": optim.SGD(lr=0.03),
    "momentum 0.8": optim.SGD(lr=0.03, momentum=0.8),
    "Nesterov 0.8": optim.SGD(lr=0.03, momentum=0.8, nesterov=True),
}
paths = {}
for name, optimizer in optimizers.items():
    w = np.array([-4.0, 0.6])
    points = [w.copy()]
    for _ in range(60):
        optimizer.step(w, curvatures * w)
        points.append(w.copy())
    paths[name] = np.array(points)
losses = {name: (curvatures * path**2).sum(axis=1) / 2 for name, path in paths.items()}

# %%
# The dots are steps. Momentum overshoots, and is far ahead all the same; Nesterov's, which looks ahead, overshoots less.

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
