"""
Is the gradient right?
======================

A wrong gradient does not crash. Training goes on, only worse, and one looks for the reason everywhere else. So the lecture's
advice: train with the analytic gradient, and check it against the numeric one before.
"""

from collections.abc import Callable

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 6)), rng.integers(0, 4, 30)
W = rng.normal(size=(6, 4))
REG = 0.1

# %%
# The multiclass hinge with an L2 penalty, as a student may write it. The gradient of a term that is not zero is
# the image, added for the class that comes too close and subtracted for the true one.


def hinge(weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the loss and its gradient."""
    scores = X @ weights
    everyone = np.arange(len(y))
    terms = np.maximum(0, scores - scores[everyone, y][:, np.newaxis] + 1)
    terms[everyone, y] = 0
    too_close = (terms > 0).astype(float)
    too_close[everyone, y] = -too_close.sum(axis=1)
    loss = terms.sum() / len(y) + REG * (weights**2).sum()
    return loss, X.T @ too_close / len(y) + 2 * REG * weights


assert df.gradcheck(hinge, W)
library = df.svm_loss(W, X, y, reg=REG)
assert np.isclose(hinge(W)[0], library.loss)
assert np.allclose(hinge(W)[1], library.grad)

# %%
# Three classic mistakes: the factor 2 of the penalty is forgotten; the penalty itself is added in place of its gradient, as
# happens in a hurry; the true class gets no share. ``df.gradcheck``, which behaves like PyTorch's, finds all.


def loss_of(weights: np.ndarray) -> float:
    """Return the loss alone."""
    return hinge(weights)[0]


mistakes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "right": lambda weights: hinge(weights)[1],
    "no factor 2": lambda weights: hinge(weights)[1] - REG * weights,
    "R(W) for its gradient": lambda weights: hinge(weights)[1] + REG * ((weights**2).sum() - 2 * weights),
    "true class left out": lambda weights: np.maximum(hinge(weights)[1], 0),
}
passed = []
for name, gradient in mistakes.items():
    if df.gradcheck(loss_of, W, grad=gradient, raise_exception=False):
        passed.append(name)
assert passed == ["right"]

# %%
# A picture says what kind of mistake it is. Numeric against analytic values lie on the diagonal if all is well.

numeric = df.numerical_gradient(loss_of, W)
figure, axes = plt.subplots(2, 2, figsize=(7, 6.5), layout="constrained")
for ax, (name, gradient) in zip(axes.flat, mistakes.items(), strict=True):
    ax.axline((0, 0), slope=1, color="0.7")
    ax.plot(numeric.ravel(), gradient(W).ravel(), ".")
    ax.set(xlabel="numeric", ylabel="analytic", title=name)

# %%
# Checking all entries takes two losses for each. For large matrices the course checks a few at random, and prints a line for
# each; here the lines come back as a list, too. A relative error near 1e-7 is good; above 1e-4 something is wrong.

lines = df.grad_check_sparse(loss_of, W, hinge(W)[1], num_checks=10)
assert len(lines) == 10
assert all(line.relative_error < 1e-5 for line in lines)

# %%
# And with the factor 2 forgotten:

wrong = df.grad_check_sparse(loss_of, W, mistakes["no factor 2"](W), num_checks=5)
assert max(line.relative_error for line in wrong) > 1e-2

# %%
# The hinge has *kinks*: where a term is just about to become 0, the slope jumps, and a difference across the jump is neither the
# one slope nor the other. A right gradient then seems wrong. ``gradcheck`` looks at such places from the left and from the right,
# and accepts what lies between the two slopes. The absolute value at 0 has slopes of -1 and 1: a gradient of 0.5 is accepted,
# one of 2 is not. Its difference is 0, so a check that knows no kinks, as PyTorch's, refuses both.


def at_the_kink(slope: float, kinks: str) -> bool:
    """Check a slope of the absolute value at 0."""

    def absolute(x: np.ndarray) -> tuple[float, np.ndarray]:
        return np.abs(x).sum(), np.full(1, slope)

    return df.gradcheck(absolute, np.array([0.0]), kinks=kinks, raise_exception=False)


assert at_the_kink(0.5, "accept")
assert not at_the_kink(2.0, "accept")
assert not at_the_kink(0.5, "fail")

# %%
# The gradient has a gradient, the matrix of second derivatives or *Hessian*. ``df.gradgradcheck`` compares it, times random
# numbers, with differences of the first gradient.

A = np.array([[2.0, 1.0], [1.0, 3.0]])


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Return a quadratic function and its gradient."""
    return float(x @ A @ x) / 2, A @ x


assert df.gradgradcheck(bowl, np.array([1.0, -1.0]), hessian=lambda _: A)
assert not df.gradgradcheck(bowl, np.array([1.0, -1.0]), hessian=lambda _: 2 * A, raise_exception=False)

# %%
# :doc:`/guide/gradcheck` says which tolerances fit, and why checks are made in float64.
