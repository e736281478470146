"""
Why pixels mislead
==================

Nearest neighbours are seldom used on raw pixels. One reason is time: training is nothing, and then every single question costs a
look at all training images, where one would like it the other way round. The other reason is that the distance of pixels is not
the distance of meaning.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_sample_images

import deeprob_fast as df

# %%
# Take a photograph, cut to the 32 x 32 pixels of the lecture's images. Shift it by one pixel, which nobody would notice. Then
# tint it until its distance from the original is the same. The squares of a tint add up to
# :math:`d^2 = a^2 \lVert t \rVert^2` if :math:`a t` is added to all pixels, so the right strength :math:`a` is a quotient.

original = load_sample_images().images[1][100:132, 300:332].astype(float)
shifted = np.roll(original, 1, axis=1)
tint = np.broadcast_to([1.0, 0.3, -0.6], original.shape)
tinted = original + tint * np.linalg.norm(shifted - original) / np.linalg.norm(tint)

images = {"original": original, "shifted": shifted, "tinted": tinted}
rows = np.stack([image.ravel() for image in images.values()])
distances = df.pairwise_distances(rows[:1], rows)[0]
assert distances[0] == 0
assert np.isclose(distances[1], distances[2], rtol=1e-9)

figure, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
for ax, (name, image), distance in zip(axes, images.items(), distances, strict=True):
    ax.imshow(np.clip(image, 0, 255).astype(np.uint8))
    ax.set(title=f"{name}: distance {distance:.0f}", xticks=[], yticks=[])

# %%
# A k-NN classifier can tell the two apart as little as their distances can. A larger photograph, with a black box as a third
# change: the box hides a part, and is as far away again.

figure = df.figures.draw("equal_distance_images")

# %%
# It gets worse with the shift. Move each test digit by one of its eight pixels. Its own shifted copy is then farther from it than
# some image of the training set, for every single one, and of the shifted digits a third are classified wrongly.

digits = df.datasets.load_digits()
moved = np.roll(digits.test.reshape(-1, 8, 8), 1, axis=2).reshape(-1, 64)
model = df.KNeighborsClassifier(n_neighbors=1).fit(digits.train, digits.train_labels)
as_they_are, after_the_shift = (model.score(images, digits.test_labels) for images in (digits.test, moved))
assert as_they_are > 0.95
assert after_the_shift < 0.7

itself = np.linalg.norm(moved.astype(float) - digits.test, axis=1)
another = df.nearest_neighbors(digits.train, digits.test, k=1).distances[:, 0]
assert (another < itself).all()

# %%
# What helps is to compare *features* instead of pixels: numbers that a trained network computes from an image and that stay the
# same under such changes. Nearest neighbours on such features are in wide use, to judge the features and for search;
# :doc:`/guide/evaluation` shows how.
