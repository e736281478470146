"""How well a classifier does: folds, accuracies, calibration."""
