r"""
Second idea: follow the slope
=============================

A hiker in fog feels with a foot which way the ground falls. The slope of a function of one number is

.. math:: \frac{df(x)}{dx} = \lim_{h \to 0} \frac{f(x + h) - f(x)}{h}

and with many numbers the *gradient* holds the slope along each. It points to where the function rises fastest; one goes the other
way. To get it, feel: move one weight after the other by a small h, and see how the loss changes.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# The slide has h = 0.0001 and a loss of 1.25347. After moving the first weight it is 1.25322, after moving the second 1.25353.

assert round((1.25322 - 1.25347) / 0.0001, 1) == -2.5
assert round((1.25353 - 1.25347) / 0.0001, 1) == 0.6

# %%
# Now a loss in full, the same way, and by the library.

rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
W = rng.normal(size=(4, 3))


def loss_at(weights: np.ndarray) -> float:
    """Return the softmax loss."""
    return df.softmax_loss(weights, X, y).loss


h = 1e-4
by_hand = np.zeros_like(W)
for place in np.ndindex(W.shape):
    moved = W.copy()
    moved[place] += h
    by_hand[place] = (loss_at(moved) - loss_at(W)) / h
forward = df.numerical_gradient(loss_at, W, method="forward", h=h)
assert np.allclose(forward, by_hand)

# %%
# Calculus knows the gradient exactly, at the cost of about one loss. Differences need one loss or two for *each* weight, and are
# only approximate. So one trains with the formula, which is easily wrong, and tests it by differences, which hardly ever are.

exact = df.softmax_loss(W, X, y).grad
central = df.numerical_gradient(loss_at, W, h=h)
assert 1e-7 < np.abs(forward - exact).max() < 1e-3
assert np.abs(central - exact).max() < 1e-8

# %%
# The second one was a *central* difference, :math:`(f(x + h) - f(x - h)) / 2h`: steps to both sides. What the curve of f adds is
# the same on both and cancels, so the error falls with :math:`h^2` instead of :math:`h`.

steps = np.array([1e-1, 1e-2, 1e-3])
for method, power in (("forward", 1), ("central", 2)):
    gradients = [df.numerical_gradient(loss_at, W, method=method, h=step) for step in steps]
    errors = [np.abs(gradient - exact).max() for gradient in gradients]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert np.isclose(slope, power, atol=0.15)

# %%
# But h cannot be as small as one likes. Computers round: of two losses that agree in ten digits, the difference has lost ten.
# The best step balances both errors; without ``h`` the library takes about that.

figure = df.figures.draw("numeric_gradient_error")
assert np.abs(df.numerical_gradient(loss_at, W, h=1e-13) - exact).max() > 1e-5
assert np.abs(df.numerical_gradient(loss_at, W) - exact).max() < 1e-9

# %%
# One small step against the gradient, and the loss is lower. A larger one also lowers it, less than the slope promised; too large
# a step raises it.

rates = np.linspace(0, 20, 201)
losses = [loss_at(W - rate * exact) for rate in rates]
start, promised = losses[0], losses[0] - rates * (exact**2).sum()
assert losses[1] < start
assert np.isclose(losses[1], promised[1], rtol=0.02)
assert losses[-1] > start

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(rates, losses, label="the loss")
ax.plot(rates, promised, "--", label="as the slope promises")
ax.set(xlabel="length of the step / length of the gradient", ylabel="loss", ylim=(0, None))
ax.legend()

# %%
# :doc:`/guide/gradcheck` says more about the step.
