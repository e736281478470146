"""
Choosing the number of neighbours
=================================

One neighbour fits the training data perfectly and trusts every odd point of it; very many neighbours see only which
class is frequent. Cross-validation looks for the number in between: each fold in turn is left out and predicted from
the others.
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
# The fit to its own training points says nothing. Accuracy on left-out folds does: a dot for each fold, a line through
# the means, bars of one standard deviation, a ring around the best k. All k of a fold come from one search.

order = rng.permutation(len(points))
found = df.knn_cross_validate(points[order], labels[order], num_folds=5, k_choices=(1, 3, 5, 8, 10, 12, 15, 20, 50, 100))
df.plots.CrossValidationDisplay.from_results(found)

# %%
# The same for images: handwritten digits, 8 by 8 pixels. Here few neighbours do best.

digits = df.datasets.load_digits()
found = df.knn_cross_validate(digits.train, digits.train_labels, num_folds=5, k_choices=(1, 3, 5, 8, 10, 12, 15, 20, 50, 100))
display = df.plots.CrossValidationDisplay.from_results(found)
display.ax_.set_title(f"Digits: best k = {found.best_k}")
