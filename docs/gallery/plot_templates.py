"""
What a linear classifier looks for
==================================

The scores of a linear classifier are products of an image with one row of weights for each class. Seen as images, these
rows are templates: bright where ink counts for the class, dark where it counts against it.
"""

import numpy as np

import deeprob_fast as df

digits = df.datasets.load_digits()
train, labels, test, truth = digits.train, digits.train_labels, digits.test, digits.test_labels

# %%
# A softmax classifier, with a fifth of the training rows held out after every epoch.

model = df.SoftmaxClassifier(early_stopping=True, max_epochs=60, random_state=0).fit(train, labels)
curve = df.plots.LossCurveDisplay.from_training(model)
curve.ax_.set_title(f"{model.score(test, truth):.1%} of the test images right")

# %%
# Under a weak penalty, single pixels at the border count as much as strokes.

weak = df.SoftmaxClassifier(reg=1e-4, max_epochs=60, random_state=0).fit(train, labels)
templates = df.plots.TemplatesDisplay.from_estimator(weak, digits.image_shape)
templates.figure_.suptitle(f"Sum of squares {np.square(weak.coef_).sum():.2g}, {weak.score(test, truth):.1%} right")

# %%
# A strong penalty makes all weights small, which the scale of the picture hides, and leaves those that most images of a
# class agree on. That costs accuracy.

strong = df.SoftmaxClassifier(reg=10.0, max_epochs=60, random_state=0).fit(train, labels)
templates = df.plots.TemplatesDisplay.from_estimator(strong, digits.image_shape)
templates.figure_.suptitle(f"Sum of squares {np.square(strong.coef_).sum():.2g}, {strong.score(test, truth):.1%} right")

# %%
# Which digits it takes for which: a row for each true class.

matrix = np.zeros((10, 10), dtype=int)
np.add.at(matrix, (truth, model.predict(test)), 1)
df.plots.ConfusionMatrixDisplay.from_matrix(matrix)
