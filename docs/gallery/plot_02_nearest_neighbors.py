"""
Nearest neighbours, by hand
===========================

To classify an image, look for the images that are most like it among those whose labels are known, and let them vote. The
lecture's recipe:

1. Load the training images and their labels. That is all the training there is.
2. Choose a number of neighbours, k.
3. For a new image, compute the distance to every training image, and sort.
4. Take the first k.
5. Return the label that most of them have.
"""

import numpy as np
from numpy.typing import NDArray

import deeprob_fast as df

digits = df.datasets.load_digits()
train, labels, test, truth = digits.train, digits.train_labels, digits.test, digits.test_labels
assert train.dtype == np.uint8

# %%
# The distance of two images is the Euclidean one, also called L2: with pixels :math:`x_p` and :math:`z_p`,
#
# .. math:: d(x, z) = \sqrt{\sum_p (x_p - z_p)^2}
#
# The recipe in NumPy follows, line by line. Two details matter. Pixels are bytes, whose differences would wrap around below 0,
# so they become floats first. And ties need a rule, or two programs will disagree: of equal distances the earlier row is
# nearer, and of labels with equally many votes the smallest wins.


def classify(image: NDArray[np.uint8], k: int) -> int:
    """Return the label of the majority of the k nearest training images."""
    distances = np.sqrt(((train.astype(float) - image) ** 2).sum(axis=1))
    nearest = np.argsort(distances, kind="stable")[:k]
    votes = np.bincount(labels[nearest])
    return int(votes.argmax())


by_hand = [classify(image, k=3) for image in test]

# %%
# The library does the same for all test images at once, without sorting what will not be among the first k, and without a
# table of all distances. ``df.nearest_neighbors`` returns distances and row numbers, ``df.KNeighborsClassifier`` the votes.
# The neighbours are the same to the last one: :doc:`/exactness` explains why that can be promised.

distances, indices = df.nearest_neighbors(train, test, k=3)
first = np.sqrt(((train.astype(float) - test[0]) ** 2).sum(axis=1))
assert indices[0].tolist() == np.argsort(first, kind="stable")[:3].tolist()

model = df.KNeighborsClassifier(n_neighbors=3).fit(train, labels)
predicted = model.predict(test)
assert predicted.tolist() == by_hand
assert (predicted == truth).mean() > 0.95

# %%
# Four test images that were classified rightly, two that were not, and their neighbours.

shown = np.concatenate([np.flatnonzero(predicted == truth)[:4], np.flatnonzero(predicted != truth)[:2]])
found = df.nearest_neighbors(train, test[shown], k=8)
display = df.plots.NeighborsDisplay.from_neighbors(
    found, test[shown], train, digits.image_shape, train_labels=labels, query_labels=truth[shown]
)

# %%
# With two features instead of 64, one can see which label each point of the plane would get. One neighbour gives every training
# point a territory of its own; more neighbours smooth the borders and outvote what is odd.

figure = df.figures.draw("knn_regions")

# %%
# With one neighbour every training image is its own nearest one, at distance 0, so it gets its own label. Such a result on the
# training images says nothing about new ones. :doc:`/guide/knn` has more: other distances, weighted votes, an index to keep.

itself = df.nearest_neighbors(train, train, k=1)
assert (itself.distances == 0).all()
assert (labels[itself.indices[:, 0]] == labels).all()
