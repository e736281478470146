"""A plugin of pytest: our estimators take the place of scikit-learn's, in scikit-learn's own tests of its neighbours.

What does not apply is marked as expected to fail, each with its reason, and must fail.
"""

import re

import pytest
import sklearn.neighbors

import deeprob_fast as df

NAMES = (
    "NearestNeighbors",
    "KNeighborsClassifier",
    "RadiusNeighborsClassifier",
    "KNeighborsRegressor",
    "RadiusNeighborsRegressor",
    "KNeighborsTransformer",
    "RadiusNeighborsTransformer",
)
_OTHERS = (
    "DM_euclidean|braycurtis|canberra|correlation|dice|hamming|haversine|jaccard|mahalanobis|nan_euclidean|"
    "rogerstanimoto|russellrao|seuclidean|sokalsneath|yule|sokalmichener"
)
_METRIC = "a metric that is refused by name"
_SPARSE = "sparse rows are refused"
_ORDER = "all results are ordered by (distance, row), which sort_results=False leaves open"
_WORDS = "refused, too, in other words"
_INTERNAL = "which private way of scikit-learn's is taken"

# Names of tests, as a regular expression, and why each does not apply.
NOT_APPLICABLE = {
    rf"test_unsupervised_kneighbors\[.*-({_OTHERS})-": _METRIC,
    r"test_neigh_predictions_algorithm_agnosticity\[.*KNeighbors.*-(500|1000)-.*-100-100-10\]": "a radius for n_neighbors",
    r"test_neigh_predictions_algorithm_agnosticity\[.*KNeighborsRegressor-.*-DM_euclidean-": _METRIC,
    rf"test_(neighbors_metrics|kneighbors_brute_backend|radius_neighbors_brute_backend)\[.*-({_OTHERS}|minkowski)\]": _METRIC,
    r"test_unsupervised_radius_neighbors\[": _METRIC,
    r"test_neighbors_minkowski_semimetric_algo_(warn|error)": _METRIC,
    r"test_nearest_neighbours_works_with_p_less_than_1": _METRIC,
    r"test_metric_params_interface": _METRIC,
    r"test_nan_euclidean_support\[.*(KNeighbors|RadiusNeighbors)": _METRIC,
    r"test_pairwise_boolean_distance": _METRIC,
    r"test_callable_metric": _METRIC,
    r"test_valid_brute_metric_for_auto_algorithm\[float\d+-csr_(matrix|array)-(?!precomputed|chebyshev|sqeuclidean)": _SPARSE,
    r"test_kneighbors_(classifier|regressor)_sparse": _SPARSE,
    r"test_sparse_metric_callable": _SPARSE,
    r"test_predict_sparse_ball_kd_tree": _SPARSE,
    r"test_neighbors_validate_parameters": _SPARSE,
    r"test_k_and_radius_neighbors_(duplicates|train_is_not_query)": _ORDER,
    r"test_nearest_neighbors_validate_params": _WORDS,
    r"test_KNeighborsClassifier_raise_on_all_zero_weights": _WORDS,
    r"test_auto_algorithm": _INTERNAL,
    r"test_radius_neighbors_parallel_array_radius": "one radius for each query",
    r"test_unsupervised_inputs": "rows in an estimator or a tree that is fitted already",
    r"test_precomputed_sparse_invalid": "a graph without a row's distance to itself holds its neighbours all the same",
    r"test_radius_neighbors_classifier_(zero_distance|outlier_labeling\[.*-_weight_func)": "weights of infinity are refused",
}


def pytest_configure():
    """Put our estimators into scikit-learn, before its tests are imported."""
    for name in NAMES:
        setattr(sklearn.neighbors, name, getattr(df, name))


def pytest_collection_modifyitems(items):
    """Mark what does not apply."""
    for item in items:
        for pattern, reason in NOT_APPLICABLE.items():
            if re.match(pattern, item.name):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
                break
