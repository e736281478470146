r"""
Two losses: hinge and softmax
=============================

Which weights are good? A *loss* says how unhappy we are with the scores of an example; training looks for weights that make the
mean of it small. The lecture has two. Both get the scores :math:`s = f(x, W)` and the number :math:`y` of the true class.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# The **multiclass hinge**, of the support vector machine: the true class should win against each of the others by a margin of 1,
# and each that comes closer costs as much as it is too close.
#
# .. math:: L_i = \sum_{j \neq y_i} \max(0,\ s_j - s_{y_i} + 1)
#
# Say the scores are 3.2, 5.1 and -1.7, and the first class is the true one. The second is too high by
# :math:`5.1 - 3.2 + 1 = 2.9`, the third is far below. A feature that is always 1 makes weights of scores:

scores = np.array([[3.2, 5.1, -1.7]])
one, first = np.ones((1, 1)), np.array([0])
hinge = df.svm_loss(scores, one, first)
assert np.isclose(hinge.loss, 2.9)

# %%
# The **softmax** loss, or cross-entropy: exponentials make positive numbers of the scores, and a division makes them add up to
# 1, like probabilities. The loss is minus the logarithm of that of the true class.
#
# .. math:: L_i = -\log \frac{e^{s_{y_i}}}{\sum_j e^{s_j}}

chances = np.exp(scores[0]) / np.exp(scores[0]).sum()
softmax = df.softmax_loss(scores, one, first)
assert np.allclose(chances, [0.13, 0.87, 0.0], atol=0.005)
assert np.isclose(softmax.loss, -np.log(chances[0]))
assert round(softmax.loss, 2) == 2.04

# %%
# Exponentials overflow: :math:`e^{1000}` is infinite in floating point. The quotient is the same if a number is subtracted from
# all scores first, and with the largest score all is well. The library does so.

with np.errstate(over="ignore", invalid="ignore"):
    naive = np.exp(1000.0) / np.exp(1000.0)
assert np.isnan(naive)
assert np.isclose(df.softmax_loss(1000 * scores, one, first).loss, 1000 * (5.1 - 3.2))

# %%
# Questions that show whether one has understood. Before training all scores are about 0: what is the loss for C classes? The
# hinge has C - 1 terms of 1; for softmax each class has the probability 1/C. A first check of any program:

digits = df.datasets.load_digits()
X, y = digits.train / 16.0, digits.train_labels
nothing = np.zeros((64, 10))
assert df.svm_loss(nothing, X, y).loss == 9
assert np.isclose(df.softmax_loss(nothing, X, y).loss, np.log(10))

# %%
# And once all are right by more than the margin? Twice the weights, twice the scores: the hinge stays at 0 and is content. The
# softmax loss still falls, and never gets to 0.

safe = np.array([[9.0, 2.0, -1.0]])
assert df.svm_loss(safe, one, first).loss == df.svm_loss(2 * safe, one, first).loss == 0
assert df.softmax_loss(safe, one, first).loss > df.softmax_loss(2 * safe, one, first).loss > 0

figure = df.figures.draw("svm_and_softmax")

# %%
# The gradients tell the same story. That of softmax pulls at every class, by its probability, less 1 for the true one. That of
# the hinge pulls with equal force at each class that is too close and leaves the others alone.

assert np.allclose(softmax.grad[0], chances - [1, 0, 0])
assert hinge.grad[0].tolist() == [-1, 1, 0]

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
places = np.arange(3)
ax.bar(places - 0.2, -hinge.grad[0], 0.4, label="hinge")
ax.bar(places + 0.2, -softmax.grad[0], 0.4, label="softmax")
ax.axhline(0, color="black", linewidth=0.8)
ax.set_xticks(places, ["3.2, the true class", "5.1", "-1.7"])
ax.set(xlabel="score", title="where the loss wants each score to go")
ax.legend()

# %%
# :doc:`/guide/linear` has further forms of the hinge, and how both losses are computed in one pass over the data.
