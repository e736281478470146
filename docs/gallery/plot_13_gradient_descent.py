r"""
Gradient descent and the learning rate
======================================

The whole method is a loop: compute the gradient, take a step against it, repeat.

.. math:: w \leftarrow w - \eta \nabla L(w)

Three hyperparameters: where to start, how many steps, and the *learning rate* :math:`\eta`, which matters most.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df
from deeprob_fast.optim import textbook

digits = df.datasets.load_digits()
X, y = digits.train / 16.0, digits.train_labels

# %%
# The loop by hand, and in the compiled one of ``df.train``. Using all examples for each step is called (full) *batch gradient
# descent*, here ``batch_size=None``.

W = np.zeros((64, 10))
by_hand = []
for _ in range(100):
    loss, gradient = df.softmax_loss(W, X, y)
    by_hand.append(loss)
    W = textbook.gradient_step(W, gradient, lr=0.5)
trained = df.train(X, y, learning_rate=0.5, batch_size=None, n_steps=100)
assert np.allclose(trained.W, W)
assert np.allclose(trained.loss_history, by_hand)

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(by_hand)
ax.set(xlabel="step", ylabel="loss", title="softmax on all digits, a learning rate of 0.5", ylim=(0, None))
assert by_hand == sorted(by_hand, reverse=True)

# %%
# How large may the rate be? On a parabola :math:`c w^2 / 2`, with gradient :math:`c w`, a step multiplies w by
# :math:`1 - \eta c`. Up to :math:`1 / c` it comes straight down; up to :math:`2 / c` it jumps from side to side and still
# arrives; beyond, each jump is larger than the last.

curvature = 2.0
rates = {"too low": 0.02, "good": 0.4, "jumps": 0.9, "diverges": 1.05}
figure, axes = plt.subplots(1, 4, figsize=(10, 3), sharey=True, layout="constrained")
ends = {}
for ax, (name, rate) in zip(axes, rates.items(), strict=True):
    w = [1.0]
    for _ in range(6):
        w.append(float(textbook.gradient_step(w[-1], curvature * w[-1], lr=rate)))
    ends[name] = abs(w[-1])
    line = np.linspace(-2, 2, 100)
    ax.plot(line, curvature * line**2 / 2, color="0.8")
    ax.plot(w, curvature * np.square(w) / 2, ".-")
    ax.set(title=f"{name}: {rate}", xlabel="w")
assert ends["good"] < 1e-3 < ends["jumps"] < ends["too low"] < 1 < ends["diverges"]
assert np.isclose(ends["jumps"], abs(1 - 0.9 * curvature) ** 6)

# %%
# A loss has a curvature along each direction, and the steepest sets the limit. Training tells the same story: four rates on the
# digits, step by step, and how many others end.

figure = df.figures.draw("learning_rate")

# %%
# Useful rates are found by trying powers of ten, or three or ten steps between them; ``df.sweep`` trains all of them in one pass
# over the data. The scale of the pixels matters: gradients grow with them. For bytes up to 255 the best rate is
# :math:`255^2`, about 10,000 times, smaller than for values up to 1.

grid = {"learning_rate": [0.01, 0.1, 1.0, 10.0, 100.0]}
found = df.sweep(X, y, grid, n_epochs=5, batch_size=128)
best = found.settings[found.best]["learning_rate"]
assert 0.01 < best < 100

small = df.train(X, y, learning_rate=0.5, batch_size=None, n_steps=20)
large = df.train(255 * X, y, learning_rate=0.5 / 255**2, batch_size=None, n_steps=20)
assert np.allclose(small.loss_history, large.loss_history)

# %%
# A rate may also fall while training goes on: large steps to get near, small ones to settle. :doc:`/guide/optimizers` has the
# schedules.
