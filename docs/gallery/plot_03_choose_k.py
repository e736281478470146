"""
Choosing k by cross-validation
==============================

The number of neighbours is a *hyperparameter*: no training sets it, somebody has to choose. One neighbour fits the training data
perfectly and trusts every odd point of it; very many see only which class is frequent. The choice must not be made on the test
rows, which would then no longer be new. *Cross-validation* makes it on the training rows alone: cut them into five folds, leave
out each in turn, predict it from the four others, and average.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

# %%
# Three overlapping clouds. With one neighbour every point keeps an island of its own.

rng = np.random.default_rng(0)
centers = np.array([[0.0, 0.0], [1.6, 0.3], [0.7, 1.5]])
labels = rng.integers(0, 3, 150)
points = centers[labels] + rng.normal(0, 0.7, (150, 2))

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for ax, k in zip(axes, (1, 15), strict=True):
    model = df.KNeighborsClassifier(n_neighbors=k).fit(points, labels)
    df.plots.DecisionRegionsDisplay.from_estimator(model, points, labels, ax=ax)
    ax.set_title(f"k = {k}: {model.score(points, labels):.0%} of its own training points right")
axes[0].get_legend().remove()

# %%
# One neighbour gets all of its own training points right, which says nothing. Accuracy on left-out folds does: a dot for each
# fold, a line through the means, bars of one standard deviation, a ring around the best k.

k_choices = (1, 3, 5, 8, 10, 12, 15, 20, 50, 100)
order = rng.permutation(len(points))
found = df.knn_cross_validate(points[order], labels[order], num_folds=5, k_choices=k_choices)
df.plots.CrossValidationDisplay.from_results(found)
assert found.best_k > 1
assert found.mean[1] < found.mean[found.best_k] > found.mean[100]

# %%
# The folds are cut as ``torch.chunk`` cuts: in order, each as long as the first, the last one perhaps shorter. Done by hand for
# one k:

folds = np.split(order, 5)
accuracies = []
for number, fold in enumerate(folds):
    rest = np.concatenate(folds[:number] + folds[number + 1 :])
    model = df.KNeighborsClassifier(n_neighbors=15).fit(points[rest], labels[rest])
    accuracies.append(model.score(points[fold], labels[fold]))
assert np.allclose(accuracies, found.accuracies[15])

# %%
# By hand, each k searches again. ``df.knn_cross_validate`` searches once in each fold, for the largest k: the nearest 100 begin
# with the nearest 15. Below the same choice for the digits, whose test rows stay out of it until it is made.

digits = df.datasets.load_digits()
chosen = df.knn_cross_validate(digits.train, digits.train_labels, num_folds=5, k_choices=k_choices).best_k
tested = df.evaluate_knn(digits.train, digits.train_labels, digits.test, digits.test_labels, k=chosen)
assert chosen <= 5  # handwriting is cleaner than the clouds above: few neighbours do best
assert tested.accuracies[chosen] > 0.95

figure = df.figures.draw("cross_validation")

# %%
# :doc:`/guide/evaluation` has folds of other kinds, such as those that keep the images of one scene together.
