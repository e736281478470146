r"""
Linear classifiers, from three viewpoints
=========================================

A linear classifier multiplies each pixel by a weight and adds up. It does so once for each class, with weights of its own, and
the class with the largest sum, its *score*, wins:

.. math:: f(x, W) = W x + b

Unlike nearest neighbours it no longer needs the training images once the weights are known, and a question costs one product.
"""

import numpy as np
from matplotlib import pyplot as plt

import deeprob_fast as df

digits = df.datasets.load_digits()
train, labels, test, truth = digits.train, digits.train_labels, digits.test, digits.test_labels

# %%
# **Algebraic.** An image of 2 x 2 pixels, stretched into a column, and three classes: a matrix of three rows and four columns,
# and a bias for each class. The lecture has images as columns and writes W x. The library has images as rows, as files have
# them, and writes x W with a column of weights for each class; it is the same sum.

W = np.array([[0.2, -0.5, 0.1, 2.0], [1.5, 1.3, 2.1, 0.0], [0.0, 0.25, 0.2, -0.3]])
b = np.array([1.1, 3.2, -1.2])
image = np.array([[56.0, 231.0], [24.0, 2.0]])
scores = W @ image.ravel() + b
assert np.allclose(scores, [-96.8, 437.9, 60.75])
assert np.allclose(scores, image.reshape(1, 4) @ W.T + b)

# %%
# The bias can move into the matrix: append a 1 to every image, and a column b to W. This *bias trick* leaves one product.

with_one = np.append(image.ravel(), 1)
assert np.allclose(scores, np.column_stack([W, b]) @ with_one)

# %%
# **Visual.** The weights of a class have the shape of an image: they are a *template*, bright where ink speaks for the class,
# dark where it speaks against it. The score says how well the image fits. Ten templates for ten digits, learned:

model = df.SoftmaxClassifier(reg=0.01, max_epochs=60, random_state=0).fit(train, labels)
templates = df.plots.TemplatesDisplay.from_estimator(model, digits.image_shape)
templates.figure_.suptitle(f"{model.score(test, truth):.1%} of the test images right")
overlaps = (model.coef_.reshape(10, 8, 8) * test[0].reshape(8, 8)).sum(axis=(1, 2))
assert np.allclose(overlaps + model.intercept_, model.decision_function(test[:1])[0], rtol=1e-3, atol=1e-3)
assert 0.85 < model.score(test, truth) < 1

# %%
# One template has to do for all ways to write a digit, which is the limit of this classifier. Where two digits look alike to
# it, the matrix below, with a row for each true class, has numbers beside its diagonal.

matrix = np.zeros((10, 10), dtype=int)
np.add.at(matrix, (truth, model.predict(test)), 1)
df.plots.ConfusionMatrixDisplay.from_matrix(matrix)
assert matrix.sum() == len(test)

# %%
# **Geometric.** Images are points in a space with an axis for each pixel. A score grows steadily in one direction and is 0 on a
# plane across it; between two classes there is a plane too, where their scores are equal. With two features:

rng = np.random.default_rng(0)
classes = np.repeat([0, 1, 2], 8)
points = np.array([[1.0, 1.0], [-1.0, 0.5], [0.5, -1.0]])[classes] + rng.uniform(-0.6, 0.6, (24, 2))
found = df.train(points, classes, learning_rate=1.0, batch_size=None, n_steps=500, bias=True)
display = df.plots.DecisionRegionsDisplay.from_weights(found.W, points, classes)
assert ((points @ found.W[:-1] + found.W[-1]).argmax(axis=1) == classes).all()

# %%
# Planes cannot do everything. Two classes in opposite quadrants have no line between them:

corners = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
quadrants = np.array([0, 0, 1, 1])
for seed in range(3):
    tried = df.train(corners, quadrants, learning_rate=0.5, n_steps=300, bias=True, initial_scale=1, seed=seed)
    assert ((corners @ tried.W[:-1] + tried.W[-1]).argmax(axis=1) == quadrants).mean() < 1

figure, ax = plt.subplots(figsize=(4, 3.6), layout="constrained")
neighbor = df.KNeighborsClassifier(n_neighbors=1).fit(corners, quadrants)
df.plots.DecisionRegionsDisplay.from_estimator(neighbor, corners, quadrants, ax=ax)
ax.set_title("what no line can do, one neighbour can", fontsize=10)

# %%
# All three viewpoints of one classifier, small enough to be checked by hand:

figure = df.figures.draw("linear_viewpoints")

# %%
# :doc:`/guide/linear` says how such classifiers are trained here; :doc:`/conventions` has the layouts of other libraries.
