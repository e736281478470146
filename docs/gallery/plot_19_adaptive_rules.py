r"""
A rate for each parameter: Adagrad, RMSprop, Adam
=================================================

If one direction is steep and another shallow, why have one learning rate for both? Adaptive rules divide each parameter's step by
the size that its gradients have had.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# **Adagrad** adds up the squares of all gradients g, and divides by the root of the sum:
#
# .. math:: s \leftarrow s + g^2, \qquad w \leftarrow w - \eta \frac{g}{\sqrt{s} + \varepsilon}
#
# The first step is :math:`\eta` in every direction, steep or shallow, since :math:`g / \sqrt{g^2} = \pm 1`. With equal gradients
# the t-th is :math:`\eta / \sqrt{t}`: steps become shorter and shorter.

w, optimizer = np.zeros(2), df.optim.Adagrad(lr=0.1)
steps = []
for _ in range(100):
    before = w.copy()
    optimizer.step(w, np.array([1.0, 1000.0]))
    steps.append(before - w)
assert np.allclose(steps[0], [0.1, 0.1])
assert np.allclose(steps[99], 0.1 / np.sqrt(100))

# %%
# **RMSprop** lets the sum leak, so that it forgets: a running mean of the squares in place of their sum.
#
# .. math:: v \leftarrow \alpha v + (1 - \alpha) g^2, \qquad w \leftarrow w - \eta \frac{g}{\sqrt{v} + \varepsilon}
#
# **Adam** adds momentum, a running mean m of the gradients themselves. Both means start at 0, too small at first, and are divided
# by what they lack:
#
# .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \qquad
#    w \leftarrow w - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}

rng = np.random.default_rng(0)
w, adam = np.zeros(3), df.optim.Adam(lr=0.1)
by_hand, m, v = np.zeros(3), np.zeros(3), np.zeros(3)
for t in range(1, 21):
    g = rng.normal(size=3)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    by_hand -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    adam.step(w, g)
assert np.allclose(w, by_hand)

# %%
# All three in the valley with a condition number of 25, beside gradient descent. Adaptive rules set out along the diagonal, as if
# the valley were round.

valley = df.landscapes.quadratic(condition_number=25)
start = [-1.8, 0.5]
rules = {
    "gradient descent": df.optim.SGD(lr=0.07),
    "Adagrad": df.optim.Adagrad(lr=0.5),
    "RMSprop": df.optim.RMSprop(lr=0.05, alpha=0.9),
    "Adam": df.optim.Adam(lr=0.2),
}
x, y = np.meshgrid(np.linspace(-2, 0.6, 120), np.linspace(-0.8, 0.8, 80))
heights = valley.value(np.stack([x, y], axis=-1))
figure, axes = plt.subplots(2, 2, figsize=(9, 5.5), sharex=True, sharey=True, layout="constrained")
walks = {}
for ax, (name, rule) in zip(axes.flat, rules.items(), strict=True):
    walks[name] = df.landscapes.descend(valley, start, rule, 60)
    ax.contour(x, y, heights, levels=np.geomspace(0.02, 8, 9), colors="0.75", linewidths=0.8)
    ax.plot(*walks[name].points.T, ".-", linewidth=1)
    ax.plot(0, 0, "kx")
    ax.set(title=f"{name}: loss {walks[name].losses[-1]:.1g} after 60 steps", ylim=(-0.8, 0.8))
first = walks["Adagrad"].points[1] - walks["Adagrad"].points[0]
assert np.allclose(np.abs(first), 0.5)
assert walks["Adagrad"].losses[-1] < walks["gradient descent"].losses[-1]

# %%
# The valley lay along the axes, which flatters rules that treat each parameter by itself. Turn it by 30 degrees, and the start
# with it. Gradient descent does not notice: its path is the same, only turned. Adagrad was far ahead, and now falls behind.

angle = np.pi / 6
oblique = df.landscapes.quadratic(condition_number=25, angle=angle)
turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
n_steps: dict[str, list[int]] = {}
for color, name in zip(("C0", "C1"), ("gradient descent", "Adagrad"), strict=True):
    straight = df.landscapes.descend(valley, start, rules[name], 600)
    turned = df.landscapes.descend(oblique, np.array(start) @ turn, rules[name], 600)
    n_steps[name] = [int((walk.losses > 1e-3).sum()) for walk in (straight, turned)]
    ax.semilogy(straight.losses[:100], color=color, label=f"{name}, along the axes")
    ax.semilogy(turned.losses[:100], "--", color=color, label=f"{name}, oblique")
ax.set(xlabel="step", ylabel="loss", ylim=(1e-8, None))
ax.legend(fontsize=8)
assert n_steps["gradient descent"][0] == n_steps["gradient descent"][1]
assert 2 * n_steps["Adagrad"][0] < n_steps["gradient descent"][0] < n_steps["Adagrad"][1]

# %%
# On the digits, each with a rate that was found by a few tries. Plain SGD comes last, and SGD with momentum first: adaptive rules
# are not always better. A rate that suits one rule says nothing about another, so compare rules only at the best rate of each.
# :doc:`/guide/optimizers` has all of them, with PyTorch's defaults.

digits = df.datasets.load_digits()
X, labels = digits.train / 16.0, digits.train_labels
settings = {
    "SGD": df.optim.SGD(lr=0.5),
    "momentum": df.optim.SGD(lr=0.5, momentum=0.9),
    "Adagrad": df.optim.Adagrad(lr=0.1),
    "RMSprop": df.optim.RMSprop(lr=0.01),
    "Adam": df.optim.Adam(lr=0.03),
}
trainings = [df.train(X, labels, optimizer=rule, batch_size=128, n_epochs=10) for rule in settings.values()]
display = df.plots.LossCurveDisplay.from_training(trainings, names=list(settings), log=True)
final = [df.softmax_loss(training.W, X, labels).loss for training in trainings]
assert max(final) < 0.4
assert final[0] == max(final)
assert final[1] == min(final)
