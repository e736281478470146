"""The linear classifiers as scikit-learn estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import deeprob_fast as df


@parametrize_with_checks(
    [
        df.SoftmaxClassifier(),
        df.SoftmaxClassifier(optimizer="adam", standardize=True, batch_size=None, max_epochs=50),
        df.LinearSVM(),
        df.LinearSVM(formulation="one_vs_all", schedule="constant", penalty="elasticnet"),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
