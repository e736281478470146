"""
First idea: random search
=========================

A loss says how good given weights are. How does one find good ones? The lecture begins with a bad idea: try many at random, keep
the best. Its loop tries 1000 matrices of normal numbers, each times 0.0001.
"""

import numpy as np

import deeprob_fast as df

digits = df.datasets.load_digits()
X, y = digits.train, digits.train_labels

# %%
# The loop by hand, for a few tries. "inf" is a loss that anything beats.

rng = np.random.default_rng(0)
best_loss, best = np.inf, np.zeros((64, 10))
history = []
for _ in range(50):
    W = rng.normal(size=(64, 10)) * 1e-4
    loss = df.svm_loss(W, X, y).loss
    if loss < best_loss:
        best_loss, best = loss, W
    history.append(best_loss)
assert history == sorted(history, reverse=True)
assert len(set(history)) < 15  # most tries are in vain
assert df.svm_loss(best, X, y).loss == best_loss

# %%
# ``df.random_search`` is that loop; candidates share their passes over the data. With ``verbose`` it reports each attempt, as in
# the lecture.

df.random_search(X, y, n_candidates=5, verbose=True)

# %%
# A thousand tries. On CIFAR-10 the lecture gets 15.5 % of the test images right, where guessing gets 10 %. The digits are
# easier, but not much better off.

found = df.random_search(X, y, n_candidates=1000)
assert found.loss == found.losses.min()


def accuracy(W: np.ndarray) -> float:
    """Return the share of test images that these weights get right."""
    scores = digits.test @ W[:-1] + W[-1]
    return float((scores.argmax(axis=1) == digits.test_labels).mean())


by_luck = accuracy(found.W)
assert 0.12 < by_luck < 0.6

# %%
# Each new best is harder to come by: to beat the best of n tries takes about n more. And nothing that is learned from a try
# helps with the next. All the same classifier lacks are good weights; following the slope of the same loss finds them.

trained = df.train(X, y, loss="weston_watkins", learning_rate=1e-4, n_epochs=30, bias=True)
assert accuracy(trained.W) > 0.85 > 2 * by_luck

figure = df.figures.draw("random_search")

# %%
# The next page makes the first step along the slope. :doc:`/guide/linear` has the arguments of the search.
