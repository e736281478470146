"""
Local minima and saddle points
==============================

The second thing that goes wrong: gradient descent stops where the gradient is zero, and that need not be the lowest point. It may
be a *local minimum*, from where all ways lead up, or a *saddle point*, from where some lead up and others down. With many
parameters saddle points are the common case, since it takes luck that all ways lead up.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# The Hessian tells which is which: at a minimum all its eigenvalues are positive, at a saddle point some are negative.

pass_ = df.landscapes.saddle()
wells = df.landscapes.double_well()
assert np.allclose(pass_.gradient([0.0, 0.0]), 0)
assert np.linalg.eigvalsh(pass_.hessian([0.0, 0.0])).tolist() == [-1, 1]
for landscape in (pass_, wells):
    assert np.allclose(landscape.gradient(landscape.minima), 0)
    assert all(np.linalg.eigvalsh(landscape.hessian(minimum)).min() > 0 for minimum in landscape.minima)

# %%
# Start exactly on the ridge of the pass. The gradient leads along it to the saddle point, and vanishes there. Batch gradient
# descent sees the same gradient each time and stays for ever. SGD sees the gradient of a few examples, which points a little
# aside, and that is enough.

start = [-1.4, 0.0]
whole = df.landscapes.descend(pass_, start, df.optim.SGD(lr=0.05), 300)
noisy = df.landscapes.descend(pass_, start, df.optim.SGD(lr=0.05), 300, batch_size=20)
assert np.allclose(whole.points[-1], 0, atol=1e-5)
assert np.isclose(whole.losses[-1], 0.25)
assert abs(noisy.points[-1, 1]) > 0.5
assert noisy.losses[-1] < 0.1

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(whole.losses, label="all examples")
ax.plot(noisy.losses, label="batches of 20")
ax.set(xlabel="step", ylabel="loss")
ax.legend()

# %%
# A start beside the ridge gets away without noise, but slowly: near the saddle point the gradient is small. The distance grows by
# the factor :math:`1 + \eta` a step, so from a millionth it takes about 300 steps of 0.05.

beside = df.landscapes.descend(pass_, [-1.4, 1e-6], df.optim.SGD(lr=0.05), 400)
growth = beside.points[101, 1] / beside.points[100, 1]
assert np.isclose(growth, 1.05, rtol=1e-3)
assert 200 < np.flatnonzero(np.abs(beside.points[:, 1]) > 0.5)[0] < 320

figure = df.figures.draw("saddle_point")

# %%
# A local minimum holds harder, since small steps aside roll back. Two wells, the left one shallow. Gradient descent ends in the
# well in which it starts; momentum may roll over the barrier, and the noise of single examples shakes it out.

shallow = [-1.65, 0.9]
rules = {
    "gradient descent": (df.optim.SGD(lr=0.2), None),
    "momentum 0.9": (df.optim.SGD(lr=0.2, momentum=0.9), None),
    "single examples": (df.optim.SGD(lr=0.2), 1),
}
barrier = wells.saddles[0, 0]
ends = {}
for name, (rule, size) in rules.items():
    ends[name] = df.landscapes.descend(wells, shallow, rule, 150, batch_size=size).points[-1]
assert ends["gradient descent"][0] < barrier < ends["momentum 0.9"][0]
assert ends["single examples"][0] > barrier

figure = df.figures.draw("local_minimum")

# %%
# The losses of linear classifiers have neither: they are *convex*, and every point without slope is a global minimum. All of this
# becomes serious with deeper networks. :doc:`/guide/figures` has more about these landscapes.

digits = df.datasets.load_digits()
rng = np.random.default_rng(0)
X, y = digits.train / 16.0, digits.train_labels
starts = (np.zeros((65, 10)), rng.normal(size=(65, 10)))
losses = [df.minimize_softmax(X, y, reg=0.01, initial_weights=weights).loss for weights in starts]
assert np.isclose(losses[0], losses[1], rtol=1e-5)
