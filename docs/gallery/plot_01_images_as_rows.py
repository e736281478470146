"""
Images are rows of numbers
==========================

A classifier gets an image and answers with a label. To a computer an image is a grid of numbers, one for each pixel, or
three where there are colours. All methods of the lecture take these numbers in a row and forget that they were a grid.

The lecture's data are PROPS, photographs of ten household objects of 32 x 32 pixels in three colours, and MNIST, handwritten
digits of 28 x 28 pixels. Here the digits that come with scikit-learn stand in for both: 8 x 8 pixels, and nothing to download.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

digits = df.datasets.load("digits")
train, labels = digits.train, digits.train_labels
assert train.shape == (1438, 64)
assert digits.test.shape == (359, 64)
assert digits.image_shape == (8, 8)

# %%
# Each row of ``train`` is an image, each column a pixel. What is drawn is the row, folded back into a grid.

figure, axes = plt.subplots(2, 6, figsize=(8, 3), layout="constrained")
for ax, row, label in zip(axes.flat, train, labels, strict=False):
    ax.imshow(row.reshape(digits.image_shape), cmap="gray_r")
    ax.set(title=f"label {label}", xticks=[], yticks=[])

# %%
# One image as the grid of its numbers, and as the row that a classifier sees.

image = train[2]
figure, (grid, row) = plt.subplots(2, 1, figsize=(8, 5.5), height_ratios=(6, 1), layout="constrained")
grid.imshow(image.reshape(digits.image_shape), cmap="gray_r")
for (down, across), value in np.ndenumerate(image.reshape(digits.image_shape)):
    color = "white" if value > 8 else "black"
    grid.text(across, down, f"{value}", ha="center", va="center", color=color, fontsize=8)
grid.set(xticks=[], yticks=[], title=f"the label is {labels[2]}")
row.imshow(image[np.newaxis], cmap="gray_r", aspect="auto")
row.set(yticks=[], xlabel="column of the row")

# %%
# The other data sets have the same shape, with more rows and columns. Ask for them by name, ``df.datasets.load("mnist")``,
# or by their own functions, which have options:
#
# * ``df.datasets.load_mnist(download=True)``: 60,000 + 10,000 rows of 28 x 28 = 784 bytes;
# * ``df.datasets.load_props("Progress-Objects-Sample.tar.gz")``: 50,000 + 10,000 rows of 32 x 32 x 3 = 3072 bytes;
# * ``df.datasets.load_cifar10(download=True)``: as many, of ten other classes.
#
# PROPS is fetched by hand, in a browser; :doc:`/guide/datasets` says from where.

# %%
# Whatever the set, three parts have to be kept apart: *training* rows to learn from, *validation* rows to choose among
# classifiers, and *test* rows, used once, to learn how good the chosen one is. ``df.datasets.preprocess`` makes the last training
# rows validation rows. It can also scale the pixels, subtract the mean image and append a column of ones, as the courses do.

rows = df.datasets.preprocess(digits, scale=16, center="image", bias=True, validation=0.2)
assert rows.X_train.shape == (1150, 65)
assert rows.X_val.shape == (288, 65)
assert np.abs(rows.X_train[:, :-1].mean(axis=0)).max() < 1e-6
assert (rows.X_train[:, -1] == 1).all()
