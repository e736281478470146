"""
What the interactive page shows
===============================

The lecture shows a page on which a linear classifier learns in the plane: nine points of three classes to drag, weights to
change, and a button for updates. ``deeprob-fast demo`` serves such a page from your own machine. It computes nothing itself; all
its numbers come from the library. This page goes through one of its scenes in Python.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

x0 = [0.5, 0.8, 0.3, -0.4, -0.3, -0.7, 0.7, 0.5, -0.4]
x1 = [0.4, 0.3, 0.8, 0.3, 0.7, 0.2, -0.4, -0.6, -0.5]
points = np.column_stack([x0, x1])
labels = np.repeat([0, 1, 2], 3)
W = np.array([[1, 2, 3], [2, -4, -1], [0, 0.5, -0.5]])  # a column for each class; the last row is the bias
REG = 0.1

# %%
# The scores, and with them the losses of the points, one by one and on average. The page puts them into a table beside the
# points. The penalty leaves the bias alone.

scores = points @ W[:-1] + W[-1]
true = scores[np.arange(9), labels][:, np.newaxis]
terms = np.maximum(0, scores - true + 1)
terms[np.arange(9), labels] = 0
losses = terms.sum(axis=1)
found = df.svm_loss(W, points, labels, reg=REG, bias=True, penalize_bias=False)
assert np.isclose(found.loss, losses.mean() + REG * (W[:-1] ** 2).sum())
assert round(found.loss, 4) == 6.2667

# %%
# Lines are where a score is 0, colours say which class wins. At the beginning seven of the nine points are on foreign ground.

display = df.plots.DecisionRegionsDisplay.from_weights(W, points, labels)
display.ax_.set_title(f"before training: loss {found.loss:.2f}")
assert (scores.argmax(axis=1) != labels).sum() == 7

# %%
# An update is a step against the gradient. One, ten, a hundred of them:

optimizer = df.optim.SGD(lr=0.1)
history = []
shown = {}
for step in range(1, 101):
    loss, gradient = df.svm_loss(W, points, labels, reg=REG, bias=True, penalize_bias=False)
    history.append(loss)
    optimizer.step(W, gradient)
    if step in {1, 10, 100}:
        shown[step] = W.copy()

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for ax, (step, weights) in zip(axes, shown.items(), strict=True):
    df.plots.DecisionRegionsDisplay.from_weights(weights, points, labels, ax=ax)
    ax.get_legend().remove()
    ax.set_title(f"{step} update{'s' if step > 1 else ''}")

# %%
# The loss falls fast at first, then slowly. With the penalty it does not reach 0: small weights are worth something too.

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(history)
ax.set(xlabel="update", ylabel="loss")
assert 0.1 < history[-1] < history[0] / 3

# %%
# Things to try on the page, and here. Turn the penalty off: the hinge falls to exactly 0, where all points are right by a margin.
# Take softmax instead, and it falls for ever. Keep the penalty and set the learning rate to 2: the loss leaps up and down.


def learn(loss: str, reg: float, rate: float) -> np.ndarray:
    """Return the losses of 2000 updates."""
    trained = df.train(points, labels, loss=loss, reg=reg, learning_rate=rate, batch_size=None, n_steps=2000)
    return trained.loss_history


assert learn("weston_watkins", 0, 0.1)[-1] == 0
endless = learn("softmax", 0, 0.1)
assert (np.diff(endless) < 0).all()
assert endless[-1] > 0
leaps = np.diff(learn("weston_watkins", REG, 2.0))
assert (leaps > 0).sum() > 500

# %%
# :doc:`/guide/demo` has the page's other parts.
