r"""
Minibatches: stochastic gradient descent
========================================

The loss is a mean over all examples, and so is its gradient: each step of batch gradient descent reads all of them. A *minibatch*
of 32, 64 or 128 examples, drawn at random, has a gradient that is right on average,

.. math:: \nabla L(W) \approx \frac{1}{B} \sum_{i \in \text{batch}} \nabla L_i(W) + \lambda \nabla R(W)

and costs a fraction. This is *stochastic gradient descent*, SGD. The size of the batches and the way of drawing them are two more
hyperparameters.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

digits = df.datasets.load_digits()
X, y = digits.train / 16.0, digits.train_labels

# %%
# By hand: shuffle the rows, go through them batch by batch; a round is called an *epoch*. The library draws the batches of
# ``df.train`` the same way from its ``seed``; with ``batches`` it takes those that are given, which allows a comparison.

rng = np.random.default_rng(0)
batches = np.array_split(rng.permutation(len(X)), 12)
W = np.zeros((64, 10))
for batch in batches:
    W -= 0.5 * df.softmax_loss(W, X[batch], y[batch]).grad
trained = df.train(X, y, learning_rate=0.5, batches=batches)
assert np.allclose(trained.W, W)

# %%
# Why it pays: after three epochs, 135 steps of 32 examples are far ahead of 3 steps of all, although both have read each example
# three times.

curves = {size: df.train(X, y, learning_rate=0.5, batch_size=size, n_epochs=3) for size in (32, 128, None)}
losses = {size: df.softmax_loss(training.W, X, y).loss for size, training in curves.items()}
assert losses[32] < losses[128] < losses[None]
assert losses[32] < losses[None] / 3

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for size, training in curves.items():
    epochs = np.arange(len(training.loss_history)) * 3 / len(training.loss_history)
    ax.plot(epochs, training.loss_history, ".-", label=f"{size or 'all'}", linewidth=0.8)
ax.set(xlabel="epoch", ylabel="loss of the batch")
ax.legend(title="examples of a batch")

# %%
# How wrong is the gradient of a batch? Averages of B random numbers scatter like :math:`1 / \sqrt{B}`, so a batch of 64 is four
# times as exact as one of 4, at 16 times the cost. That is why small ones pay.

whole = df.softmax_loss(W, X, y).grad


def error(size: int) -> float:
    """Return the root mean square error of the gradient of random batches."""
    squares = []
    for _ in range(300):
        batch = rng.choice(len(X), size)
        squares.append(((df.softmax_loss(W, X[batch], y[batch]).grad - whole) ** 2).sum())
    return float(np.sqrt(np.mean(squares)))


assert np.isclose(error(4) / error(64), 4, rtol=0.2)

figure = df.figures.draw("batch_size")

# %%
# Two ways to draw. The course's own code draws each batch afresh, so that within an epoch some rows come twice and others not at
# all (about 37 % of them): ``replacement=True``. Cutting a shuffled order uses each row once, which is the default here.

once = np.bincount(np.concatenate(batches), minlength=len(X))
afresh = np.bincount(rng.integers(0, len(X), len(X)), minlength=len(X))
assert (once == 1).all()
assert np.isclose((afresh == 0).mean(), np.exp(-1), atol=0.05)

# %%
# The noise is not only a nuisance: the page on saddle points shows what it is good for. :doc:`/guide/linear` has more about
# training.
