"""
A whole classifier, from pixels to test accuracy
================================================

The last page puts everything together: rows of pixels, a loss with a penalty, a gradient that is checked, minibatches with
momentum, hyperparameters chosen on validation rows, and the test rows, once.
"""

import numpy as np

import deeprob_fast as df

# %%
# **1. Data.** Scale to [0, 1], subtract the mean image, append a 1, and keep the last fifth of the training rows for validation.

digits = df.datasets.load_digits()
labels, truth = digits.train_labels, digits.test_labels
rows = df.datasets.preprocess(digits, scale=16, center="image", bias=True, dtype="float64", validation=0.2)
X, y = rows.X_train, rows.y_train
n_features, n_classes = X.shape[1], digits.n_classes
assert len(X) + len(rows.X_val) == len(digits.train)

# %%
# **2. Sanity checks**, before any training. With weights of 0 the loss is the logarithm of the number of classes. A penalty
# makes it larger. The gradient agrees with differences. And twenty examples can be learned by heart: if not, something is
# broken.

zero = np.zeros((n_features, n_classes))
small = np.random.default_rng(0).normal(0, 0.01, zero.shape)
assert np.isclose(df.softmax_loss(zero, X, y).loss, np.log(n_classes))
assert df.softmax_loss(small, X, y, reg=1.0).loss > df.softmax_loss(small, X, y).loss
assert df.gradcheck(lambda W: df.softmax_loss(W, X[:50], y[:50], reg=0.1), small, num_checks=50)

tiny = df.train(X[:20], y[:20], learning_rate=0.5, batch_size=None, n_steps=500)
assert ((X[:20] @ tiny.W).argmax(axis=1) == y[:20]).all()

# %%
# **3. Hyperparameters.** A grid on logarithmic scales, all trained in one pass over the batches, judged on the validation rows.

grid = {
    "learning_rate": [0.001, 0.01, 0.1, 1.0],
    "reg": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
    "momentum": [0.9],
}
found = df.sweep(X, y, grid, X_val=rows.X_val, y_val=rows.y_val, n_epochs=30, batch_size=64)
best, training = found.settings[found.best], found.trainings[found.best]
df.plots.SweepDisplay.from_sweep(found)
assert len(found.settings) == 20
assert training.val_accuracies[-1] == max(one.val_accuracies[-1] for one in found.trainings)
assert training.val_accuracies[-1] > 0.9

# %%
# **4. Watch it learn.** The loss of the batches, and that of the validation rows after each epoch. If it falls slowly and
# steadily, the rate is too low; if it leaps, too high; if the two part, the penalty is too weak.

df.plots.LossCurveDisplay.from_training(training)

# %%
# **5. Test.** The chosen hyperparameters, now with all training rows, and the test rows for the first and only time.

whole = df.datasets.preprocess(digits, scale=16, center="image", bias=True, dtype="float64")
final = df.train(whole.X_train, whole.y_train, n_epochs=30, batch_size=64, **best)
predicted = (whole.X_test @ final.W).argmax(axis=1)
linear = (predicted == whole.y_test).mean()
assert 0.9 < linear < 0.97

matrix = np.zeros((n_classes, n_classes), dtype=int)
np.add.at(matrix, (whole.y_test, predicted), 1)
confusion = df.plots.ConfusionMatrixDisplay.from_matrix(matrix)
confusion.ax_.set_title(f"{linear:.1%} of the test images right")

# %%
# **6. Look at it.** What it learned, as templates:

df.plots.TemplatesDisplay.from_weights(final.W, digits.image_shape)

# %%
# Some of what it gets wrong, next to the most similar training images:

mistakes = np.flatnonzero(predicted != truth)[:5]
neighbors = df.nearest_neighbors(digits.train, digits.test[mistakes], k=6)
df.plots.NeighborsDisplay.from_neighbors(
    neighbors, digits.test[mistakes], digits.train, digits.image_shape, labels, truth[mistakes]
)

# %%
# **7. Compare.** Nearest neighbours are better on these small and tidy images, but need all training images for every question;
# the linear classifier needs one matrix. The estimators do steps 1 to 5 with one line, and choose the rate by themselves.

nearest = df.KNeighborsClassifier(n_neighbors=3).fit(digits.train, labels)
estimator = df.SoftmaxClassifier(random_state=0).fit(digits.train, labels)
assert nearest.score(digits.test, truth) > linear
assert np.isclose(estimator.score(digits.test, truth), linear, atol=0.03)
assert final.W.size < digits.train.size / 100

# %%
# From here: :doc:`/guide/linear` for linear classifiers, :doc:`/guide/probes` for the same on features of a network, and
# ``deeprob-fast evaluate`` for all of it as one command.
