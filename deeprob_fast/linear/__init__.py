"""Linear classifiers: losses and their gradients, training by the SGD family, estimators."""
