"""The nine points of the lecture's page for linear classifiers, and what is known there, computed without this library."""

from typing import NamedTuple

import numpy as np

POINTS = np.array([[.5, .4], [.8, .3], [.3, .8], [-.4, .3], [-.3, .7], [-.7, .2], [.7, -.4], [.5, -.6], [-.4, -.5]])  # fmt: skip
LABELS = np.repeat([0, 1, 2], 3)
WEIGHTS = np.array([[1.0, 2.0], [2.0, -4.0], [3.0, -1.0]])  # a row a class
BIAS = np.array([0.0, 0.5, -0.5])
WITH_BIAS = np.vstack([WEIGHTS.T, BIAS])  # a column a class, the bias as last row
STEPS = [0, 1, 10, 50, 199]


class Known(NamedTuple):
    """To four decimals: losses of the points, their mean, its gradient, and the totals with reg 0.1 after `STEPS`."""

    losses: list[float]
    data_loss: float
    by_weights: list[list[float]]
    by_bias: list[float]
    totals: list[float]


KNOWN = {
    "weston_watkins": Known(
        [0.3, 1.7, 0, 3.2, 6.8, 2.4, 2.5, 3.3, 4.7],
        2.7667,
        [[-0.4333, -0.0333], [0.4111, -0.3778], [0.0222, 0.4111]],
        [0.1111, -0.1111, 0],
        [6.2667, 6.0003, 4.0363, 0.9855, 0.6620],
    ),
    "one_vs_all": Known(
        [2.5, 4.5, 0.6, 3.7, 6.0, 3.4, 5.4, 5.2, 4.9],
        4.0222,
        [[-0.0222, 0.0222], [0.3889, -0.2222], [0.2222, 0.2222]],
        [0.5556, 0.2222, 0.2222],
        [7.5222, 7.2287, 5.1399, 2.0038, 1.6177],
    ),
    "runner_up": Known(
        [0.3, 1.2, 0, 2.7, 5.0, 2.4, 2.5, 3.3, 3.9],
        2.3667,
        [[-0.3, 0.0556], [0.2444, -0.3], [0.0556, 0.2444]],
        [0.1111, 0, -0.1111],
        [5.8667, 5.6390, 3.9519, 0.9582, 0.6299],
    ),
    "softmax": Known(
        [0.5557, 1.0395, 0.1121, 1.9573, 4.0574, 1.6842, 1.7235, 2.4046, 2.9954],
        1.8366,
        [[-0.2087, 0.0622], [0.2336, -0.2544], [-0.0249, 0.1922]],
        [0.1515, 0.0362, -0.1877],
        [5.3366, 5.1273, 3.6212, 1.2712, 0.8769],
    ),
}
