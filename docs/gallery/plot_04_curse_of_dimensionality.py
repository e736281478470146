r"""
The curse of dimensionality
===========================

Nearest neighbours need neighbours that are near. Suppose that m training points along an axis are close enough together. Then a
square needs :math:`m^2` of them, a cube :math:`m^3`, and a space of d dimensions :math:`m^d`. An image has as many dimensions as
it has numbers.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# Four points a side: 4 on a line, 16 in a square, 64 in a cube. Images of 32 x 32 pixels, each only black or white, number
# :math:`2^{32 \times 32} \approx 10^{308}`. No training set covers that; the atoms of the visible universe number about
# :math:`10^{80}`.

assert [4**d for d in (1, 2, 3)] == [4, 16, 64]
assert len(str(2 ** (32 * 32))) == 309

# %%
# The other side of it: a fixed number of points gets lost in a large space. Of 1000 points spread evenly over the unit cube,
# how far is the nearest one from a point in question, and how far the farthest?

rng = np.random.default_rng(0)
dimensions = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
nearest, farthest = [], []
for d in dimensions:
    distances = df.pairwise_distances(rng.random((100, d)), rng.random((1000, d)))
    nearest.append(np.median(distances.min(axis=1)))
    farthest.append(np.median(distances.max(axis=1)))

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.loglog(dimensions, farthest, "s-", label="farthest")
ax.loglog(dimensions, nearest, "o-", label="nearest")
ax.set(xlabel="dimensions", ylabel="distance")
ax.legend()

# %%
# Both grow, and their ratio goes to 1. In two dimensions the farthest point is many times as far as the nearest; in a thousand
# it is hardly farther, and "nearest" says little.

ratio = dict(zip(dimensions, np.divide(farthest, nearest), strict=True))
assert ratio[2] > 20
assert ratio[100] < 2
assert ratio[1000] < 1.3

# %%
# Why do nearest neighbours work on the digits, then, which have 64 dimensions? Because images do not fill their space. Most
# grids of numbers are noise; those that are digits lie close to a surface of few dimensions, on which they are dense enough.
# The orange square shows it: digits differ in their distances as evenly spread points of far fewer dimensions do.

figure = df.figures.draw("curse_of_dimensionality")

digits = df.datasets.load_digits()
distances = df.pairwise_distances(digits.test[:100], digits.train[:1000])
assert np.median(distances.max(axis=1) / distances.min(axis=1)) > 2 * ratio[50]
