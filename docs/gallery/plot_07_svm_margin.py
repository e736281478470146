r"""
The support vector machine and its margin
=========================================

Between two classes of points there are often many lines that separate them. Which one is best? The one that stays as far as
possible from the nearest points of both. In any number of dimensions it is a plane,

.. math:: w^T x - b = 0

with labels :math:`y` that are 1 and -1. Note the minus before b. The planes :math:`w^T x - b = 1` and :math:`w^T x - b = -1`,
left and right of it, are the margins; between them lies a street of width :math:`2 / \lVert w \rVert`. So the widest street
has the shortest w: minimise :math:`\lVert w \rVert^2 / 2` while every point has :math:`y_i (w^T x_i - b) \geq 1`.
"""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

import deeprob_fast as df

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

# %%
# A plane to be checked by hand: :math:`w = (3, 4)` has length 5, so the street is 2/5 wide. The point (3, 4) is
# :math:`(9 + 16 - 5) / 5 = 4` away from it.

by_hand = df.Hyperplane(np.array([3.0, 4.0]), 5.0)
assert by_hand.margin_width == 2 / 5
assert by_hand.distances([[3.0, 4.0]]).tolist() == [4.0]

# %%
# Two clouds, and the plane learned from them. Points whose margin :math:`y (w^T x - b)` is 1 lie at the edge of the street.
# They alone hold the plane where it is and are called *support vectors* (rings); the others could move or vanish.

rng = np.random.default_rng(3)
y = np.repeat([-1, 1], 20)
X = rng.normal(0, 0.5, (40, 2)) + np.outer(y, [1.3, 0.8])


def fit(points: Float64, labels: Int64, reg: float) -> df.Hyperplane:
    """Return the plane of a support vector machine, by gradient descent on all points."""
    machine = df.LinearSVM(reg=reg, batch_size=None, max_epochs=3000, tol=None, random_state=0)
    plane: df.Hyperplane = machine.fit(points, labels).hyperplane_
    return plane


plane = fit(X, y, reg=0.01)
support = plane.support_vectors(X, y, tol=0.02)
assert (plane.margins(X, y) > 0.99).all()  # all points are right, and none is inside the street
assert len(support) < 6


def draw_street(ax: Axes, plane: df.Hyperplane) -> None:
    """Draw the plane and its margins."""
    for height in (-1, 0, 1):
        foot = plane.w * (plane.b + height) / (plane.w @ plane.w)
        ahead = foot + plane.w[::-1] * [-1, 1]
        style = "-" if height == 0 else "--"
        ax.axline(tuple(foot), tuple(ahead), color="black", linestyle=style, linewidth=1)


figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
for label, marker in ((-1, "o"), (1, "s")):
    ax.plot(*X[y == label].T, marker, label=f"class {label}")
ax.scatter(X[support, 0], X[support, 1], s=160, facecolors="none", edgecolors="black", label="support vectors")
draw_street(ax, plane)
ax.set(aspect="equal", title=f"a street {plane.margin_width:.2f} wide")
ax.legend(loc="lower right")

# %%
# Without the points that do not hold it, the plane stays where it is.

rest = fit(X[support], y[support], reg=0.01)
assert np.isclose(rest.margin_width, plane.margin_width, rtol=0.01)

# %%
# Often no plane separates the classes, or one odd point ruins it. The *soft* margin lets points into the street, at a price that
# grows with how far they go, the **hinge**:
#
# .. math:: \frac{1}{N} \sum_i \max(0,\ 1 - y_i (w^T x_i - b)) + \lambda \lVert w \rVert^2
#
# A large :math:`\lambda` asks for a wide street and forgives much; a small one asks for few intrusions. (The library's
# ``LinearSVM`` has two rows of weights for two classes, so its ``reg`` counts half.)

softer = fit(X, y, reg=0.1)
assert softer.margin_width > 1.2 * plane.margin_width
assert (softer.margins(X, y) < 0.99).sum() > (plane.margins(X, y) < 0.99).sum()

# %%
# Hard and soft, without and with an outlier. The hard margin is squeezed by a single point, the soft one hardly notices it.

figure = df.figures.draw("svm_margin")

# %%
# :doc:`/guide/linear` has the details for two classes, among them the sign of b and scikit-learn's.
