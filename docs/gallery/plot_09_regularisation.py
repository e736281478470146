r"""
Regularisation: L2 and L1
=========================

If some weights separate the training examples, so do twice those weights, with a smaller loss. So a loss alone asks for
ever larger weights, ever surer of themselves. *Regularisation* adds a price for the weights:

.. math:: L(W) = \frac{1}{N} \sum_{i=1}^{N} L_i + \lambda R(W)

with :math:`R(W) = \sum_{k,l} W_{k,l}^2` (L2) or :math:`R(W) = \sum_{k,l} |W_{k,l}|` (L1). The strength :math:`\lambda`, here
``reg``, is a hyperparameter. Where the lecture writes :math:`C \lVert w \rVert^2 / 2`, its C is twice this :math:`\lambda`; in
libsvm and scikit-learn, C multiplies the *loss*, so that there a large C means little regularisation.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# Eight numbers, four of either class. Without a price the softmax classifier would put a cliff between -0.4 and 0.5, as if it
# knew what happens there.

x = np.array([[-3.1], [-2.2], [-1.6], [-0.4], [0.5], [1.1], [2.4], [2.9]])
y = np.repeat([0, 1], 4)
slopes = {}
for reg in (1e-6, 1e-3, 1e-1):
    W = df.minimize_softmax(x, y, reg=reg).W
    slopes[reg] = W[0, 1] - W[0, 0]
assert slopes[1e-6] > 3 * slopes[1e-3] > 12 * slopes[1e-1]

figure = df.figures.draw("regularisation")

# %%
# A price also says which of two equally good weights to take. The lecture's example: both vectors give x = (1, 1, 1, 1) the
# score 1. The sum of squares is 1 for the first and 1/4 for the second: L2 spreads weight over all features, so that no single
# pixel decides. The sum of absolute values is 1 for both.

example = np.ones((1, 4))
vectors = {"one": np.array([[1.0], [0], [0], [0]]), "even": np.full((4, 1), 0.25)}
assert all((example @ w).item() == 1 for w in vectors.values())


def price(w: np.ndarray, penalty: str) -> float:
    """Return R(w): with a single class, the hinge itself is 0."""
    return df.svm_loss(w, example, [0], reg=1.0, penalty=penalty).loss


assert [price(w, "l2") for w in vectors.values()] == [1.0, 0.25]
assert [price(w, "l1") for w in vectors.values()] == [1.0, 1.0]

# %%
# L1 rather makes weights exactly 0. Its derivative is :math:`\lambda` however small the weight, while that of L2,
# :math:`2 \lambda w`, fades away. Descent on :math:`(w - a)^2 / 2 + \lambda |w|` ends at 0 for every :math:`|a| \leq \lambda`;
# on :math:`(w - a)^2 / 2 + \lambda w^2` it ends at :math:`a / (1 + 2 \lambda)`, smaller than a and never 0.

a = np.linspace(-2, 2, 401)
strength = 0.5
by_l1 = np.sign(a) * np.maximum(np.abs(a) - strength, 0)
by_l2 = a / (1 + 2 * strength)
candidates = np.linspace(-2, 2, 4001)[:, np.newaxis]
for minimum, penalty in ((by_l1, np.abs(candidates)), (by_l2, candidates**2)):
    best = candidates[((candidates - a) ** 2 / 2 + strength * penalty).argmin(axis=0), 0]
    assert np.abs(best - minimum).max() < 2e-3
assert (by_l1 == 0).sum() > 90
assert (by_l2 == 0).sum() == 1

figure, ax = plt.subplots(figsize=(5, 3.5), layout="constrained")
ax.plot(a, a, ":", color="0.5", label="no penalty")
ax.plot(a, by_l2, "--", label="L2")
ax.plot(a, by_l1, label="L1")
ax.set(xlabel="weight that the loss alone would take", ylabel="weight with a penalty of 0.5")
ax.legend()

# %%
# The same on digits. With equal strength L1 leaves few weights, and large ones; L2 keeps most, and small.

figure = df.figures.draw("l1_l2")

# %%
# How strong should it be? With too weak a penalty, few examples are learned with all their noise; with too strong a one, nothing
# is learned. Validation decides. Here 100 digits to learn from, one optimum for each strength:

digits = df.datasets.load_digits()
few, few_labels = digits.train[:100] / 16.0, digits.train_labels[:100]
new, new_labels = digits.train[100:] / 16.0, digits.train_labels[100:]
regs = [10.0**exponent for exponent in range(-6, 2)]
optima = df.softmax_path(few, few_labels, regs=regs, n_classes=10)
learned, validated = (
    [float(((images @ found.W[:-1] + found.W[-1]).argmax(axis=1) == labels).mean()) for found in optima]
    for images, labels in ((few, few_labels), (new, new_labels))
)
assert learned[0] == 1
assert validated[0] < max(validated) > validated[-1]

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.semilogx(regs, learned, "o--", label="the 100 training images")
ax.semilogx(regs, validated, "o-", label="new images")
ax.set(xlabel="strength of the L2 penalty", ylabel="accuracy")
ax.legend()

# %%
# :doc:`/conventions` converts this strength to the C, alpha and weight decay of other libraries.
