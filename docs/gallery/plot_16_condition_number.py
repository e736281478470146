r"""
Steep one way, shallow the other
================================

What goes wrong with gradient descent? First: the loss may be steep in one direction and shallow in another, like a long valley.
The *condition number* says how unequal they are: the largest singular value of the Hessian, the matrix of second derivatives,
over the smallest. The steep direction limits the learning rate, and the shallow one then takes forever.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# A valley :math:`(x^2 + 25 y^2) / 2`, to look at from above.

valley = df.landscapes.quadratic(condition_number=25, n_examples=2, noise=0.0)
hessian = valley.hessian([0.0, 0.0])
assert df.landscapes.condition_number(hessian) == 25
singular_values = np.linalg.svd(hessian, compute_uv=False)
assert singular_values.max() / singular_values.min() == 25

# %%
# Along an axis of curvature c a step multiplies the distance by :math:`1 - \eta c`. With c = 25 the rate must stay below 2/25 =
# 0.08. Near it the path jitters across the valley; with small rates it creeps along.

start = [-1.8, 0.5]
figure, axes = plt.subplots(3, 1, figsize=(7, 6.5), sharex=True, layout="constrained")
x, y = np.meshgrid(np.linspace(-2, 0.6, 120), np.linspace(-0.7, 0.7, 80))
heights = valley.value(np.stack([x, y], axis=-1))
walks = {}
for ax, rate in zip(axes, (0.01, 0.0769, 0.081), strict=True):
    walks[rate] = df.landscapes.descend(valley, start, df.optim.SGD(lr=rate), 30)
    ax.contour(x, y, heights, levels=np.geomspace(0.02, 8, 9), colors="0.75", linewidths=0.8)
    ax.plot(*walks[rate].points.T, ".-", linewidth=1)
    ax.plot(0, 0, "kx")
    ax.set(ylim=(-0.9, 0.9), title=f"rate {rate:g}: loss {walks[rate].losses[-1]:.2g} after 30 steps")
assert walks[0.0769].losses[-1] < walks[0.01].losses[-1]
assert abs(walks[0.081].points[-1, 1]) > abs(walks[0.081].points[0, 1])  # across the valley it diverges

# %%
# The best rate makes both directions equally slow. With curvatures from m to M it is :math:`2 / (M + m)`, and each step leaves
# :math:`(\kappa - 1) / (\kappa + 1)` of the distance, with :math:`\kappa = M / m`. For 25 that is 92 %, for 1000 it is 99.8 %: a
# number of steps that grows in proportion to :math:`\kappa`.

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
n_steps = []
numbers = (2, 5, 10, 25, 100, 400)
for number in numbers:
    landscape = df.landscapes.quadratic(condition_number=number, n_examples=2, noise=0.0)
    walk = df.landscapes.descend(landscape, [1.0, 1.0 / number], df.optim.SGD(lr=2 / (number + 1)), 1600)
    distances = np.linalg.norm(walk.points, axis=1)
    assert np.isclose(distances[1] / distances[0], (number - 1) / (number + 1))
    n_steps.append(np.flatnonzero(distances > 1e-3 * distances[0])[-1] + 1)
ax.loglog(numbers, n_steps, "o-")
ax.set(xlabel="condition number", ylabel="steps to a thousandth of the distance")
assert 3.5 < n_steps[-1] / n_steps[-2] < 4.5  # four times the condition number, four times the steps

# %%
# Where do such valleys come from? From the data. The Hessian of a linear classifier is made of products of features, so features
# of very different size make a long valley, and so does a large mean. That is why one subtracts the mean, and often divides by
# the standard deviation.

digits = df.datasets.load_digits()
inked = digits.train.std(axis=0) > 1
raw = digits.train[:, inked].astype(float)
centered = raw - raw.mean(axis=0)
standardised = centered / centered.std(axis=0)
largest = [np.linalg.eigvalsh(rows.T @ rows / len(rows)) for rows in (raw, centered, standardised)]
spread = [values[-1] / np.median(values) for values in largest]
assert spread[0] > 5 * spread[1]
assert spread[1] > spread[2]

# %%
# Seven update rules where the condition number is 50, each with the rate that suits it best. The coming pages explain them.

figure = df.figures.draw("ill_conditioned")
