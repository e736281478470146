"""Our estimators in the place of scikit-learn's: in its own tests, and side by side."""

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn import neighbors as theirs
from sklearn.cluster import DBSCAN, SpectralClustering
from sklearn.manifold import TSNE, Isomap
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline

import deeprob_fast as df
from tests.knn.in_place import NAMES

TESTED = "1.9"  # whose tests the list of what does not apply is about
RNG = np.random.default_rng(61)
METRICS = [
    {"metric": "minkowski", "p": 2},
    {"metric": "minkowski", "p": 1},
    {"metric": "minkowski", "p": np.inf},
    {"metric": "l1"},
    {"metric": "l2"},
    {"metric": "cityblock"},
    {"metric": "chebyshev"},
    {"metric": "sqeuclidean"},
    {"metric": "cosine"},
]


OURS, THEIRS = ({name: getattr(module, name) for name in NAMES} for module in (df, theirs))


@pytest.mark.skipif(not sklearn.__version__.startswith(TESTED), reason=f"the list is of scikit-learn {TESTED}")
def test_its_own_tests_pass(tmp_path):
    modules = [f"sklearn.neighbors.tests.{name}" for name in ("test_neighbors", "test_graph")]
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "in_place", "-p", "no:cacheprovider", "--tb=line"]
    command += ["-c", os.devnull, "--rootdir", str(tmp_path)]
    # Not the root: the package there has no kernels.
    paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(Path(__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "SKLEARN_RUN_FLOAT32_TESTS": "1"}
    done = subprocess.run(
        [*command, "--pyargs", *modules], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|xfailed)", done.stdout.splitlines()[-1])}
    assert counts["passed"] >= 666
    assert counts["xfailed"] <= 318


def data(n_outputs=None):
    rows = RNG.standard_normal((200, 6))
    rows[10:13] = rows[:3]
    queries = np.concatenate([rows[:9], RNG.standard_normal((30, 6))])
    labels = RNG.integers(0, 3, 200 if n_outputs is None else (200, n_outputs))
    return rows, queries, labels


def assert_same(ours, others):
    if isinstance(others, list):
        assert isinstance(ours, list)
        for one, other in zip(ours, others, strict=True):
            assert_same(one, other)
    elif others.dtype.kind in "iuUO":
        np.testing.assert_array_equal(ours, others)
    else:
        np.testing.assert_allclose(ours, others, rtol=1e-9, atol=1e-7)  # theirs round near zero


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_metrics_by_their_names(metric):
    rows, queries, _ = data()
    rows, queries = rows[13:], queries[9:]  # theirs leaves the order of equal rows open, and takes them for 1e-16 apart
    ours = df.NearestNeighbors(7, **metric).fit(rows)
    other = theirs.NearestNeighbors(n_neighbors=7, **metric).fit(rows)
    for result, expected in zip(ours.kneighbors(queries), other.kneighbors(queries), strict=True):
        assert_same(result, expected)
    radius = float(np.median(ours.kneighbors(queries)[0])) * 1.001
    for result, expected in zip(
        ours.radius_neighbors(queries, radius), other.radius_neighbors(queries, radius, sort_results=True), strict=True
    ):
        for one, single in zip(result, expected, strict=True):
            assert_same(one, single)
    for mode in ("connectivity", "distance"):
        for result, expected in (
            (ours.kneighbors_graph(queries, 4, mode), other.kneighbors_graph(queries, 4, mode)),
            (ours.radius_neighbors_graph(queries, radius, mode), other.radius_neighbors_graph(queries, radius, mode)),
        ):
            assert result.format == "csr"
            assert result.nnz == expected.nnz
            assert_same(result.toarray(), expected.toarray())


@pytest.mark.parametrize("weights", ["uniform", "distance", None, lambda distances: 1 / (1 + distances)])
@pytest.mark.parametrize("n_outputs", [None, 1, 3])
@pytest.mark.parametrize("kind", ["KNeighbors", "RadiusNeighbors"])
def test_predictions(kind, n_outputs, weights):
    rows, queries, labels = data(n_outputs)
    amount = 2.5 if kind == "RadiusNeighbors" else 9
    values = labels + RNG.standard_normal(labels.shape)
    ours, other = (models[f"{kind}Regressor"](amount, weights=weights).fit(rows, values) for models in (OURS, THEIRS))
    assert_same(ours.predict(queries), other.predict(queries))
    assert ours.score(queries[:9], values[:9]) == pytest.approx(other.score(queries[:9], values[:9]))
    names = np.array(["a", "b", "c"])[labels]
    outlier = {"outlier_label": "c"} if kind == "RadiusNeighbors" else {}
    with pytest.warns() if n_outputs == 1 else nullcontext():
        ours, other = (
            models[f"{kind}Classifier"](amount, weights=weights, **outlier).fit(rows, names) for models in (OURS, THEIRS)
        )
    assert_same(ours.predict_proba(queries), other.predict_proba(queries))
    np.testing.assert_array_equal(ours.predict(queries), other.predict(queries))
    np.testing.assert_array_equal(ours.predict(None), other.predict(None))
    assert ours.outputs_2d_ == other.outputs_2d_


def test_outliers():
    rows, labels = [[0.0], [1.0], [1.5]], [0, 1, 1]
    with pytest.raises(ValueError, match=r"No neighbors found for test samples \[1\], 1 in all"):
        df.RadiusNeighborsClassifier(0.2).fit(rows, labels).predict([[0.0], [9.0]])
    often = df.RadiusNeighborsClassifier(0.2, outlier_label="most_frequent").fit(rows, labels)
    assert often.predict([[0.0], [9.0]]).tolist() == [0, 1]
    other = df.RadiusNeighborsClassifier(0.2, outlier_label=7).fit(rows, labels)
    with pytest.warns(UserWarning, match="Outlier label 7 is not in training classes"):
        assert other.predict([[0.0], [9.0]]).tolist() == [0, 7]
    with pytest.warns(UserWarning, match="no neighbors within specified radius; predicting NaN"):
        means = df.RadiusNeighborsRegressor(0.2).fit(rows, labels).predict([[0.0], [9.0]])
    np.testing.assert_array_equal(means, [0.0, np.nan])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_precomputed_distances(kind, sparse):
    rows, queries, labels = data()
    own, to_rows = df.pairwise_distances(rows), df.pairwise_distances(queries, rows)
    if sparse:
        graph = df.KNeighborsTransformer(n_neighbors=20).fit(rows)
        own, to_rows = graph.transform(rows), graph.transform(queries)
    by_distances = OURS[f"KNeighbors{kind}"](9, metric="precomputed").fit(own, labels)
    by_rows = OURS[f"KNeighbors{kind}"](9).fit(rows, labels)
    np.testing.assert_allclose(by_distances.predict(to_rows), by_rows.predict(queries))
    np.testing.assert_allclose(by_distances.predict(None), by_rows.predict(None))
    near = df.NearestNeighbors(radius=1.0, metric="precomputed").fit(own)
    for result, expected in (
        (near.radius_neighbors(to_rows), df.NearestNeighbors(radius=1.0).fit(rows).radius_neighbors(queries)),
        (near.radius_neighbors(), df.NearestNeighbors(radius=1.0).fit(rows).radius_neighbors()),
    ):
        for one, other in zip(result[1], expected[1], strict=True):
            np.testing.assert_array_equal(one, other)


def test_refused_by_name():
    rows, _, labels = data()
    for changes, message in (
        ({"metric": "hamming"}, "metric must be one of .* got 'hamming'"),
        ({"metric": abs}, "metric must be one of .* got a function"),
        ({"p": 3}, "p must be 1 or 2 or inf for metric='minkowski'; got 3"),
        ({"metric_params": {"w": [1.0]}}, "metric_params must be empty, or hold p"),
        ({"algorithm": "hnsw"}, "algorithm must be one of"),
        ({"leaf_size": 0}, "leaf_size must be between 1"),
    ):
        for name in NAMES:
            with pytest.raises(ValueError, match=message):
                getattr(df, name)(**changes).fit(rows, labels)
    with pytest.raises(ValueError, match="X must be square for metric='precomputed'"):
        df.NearestNeighbors(metric="precomputed").fit(rows)
    few = df.NearestNeighbors(7, metric="precomputed").fit(df.NearestNeighbors(3).fit(rows).kneighbors_graph(mode="distance"))
    with pytest.raises(ValueError, match="X must store 7 neighbors of each sample"):
        few.kneighbors()


@pytest.mark.parametrize(
    ("name", "y", "error", "message"),
    [
        ("KNeighborsRegressor", ["a"] * 6, ValueError, "y must hold real numbers"),
        ("RadiusNeighborsRegressor", np.array(["2020-01-01"] * 6, "M8[D]"), ValueError, "y must hold real numbers"),
        ("KNeighborsRegressor", [1.0, np.nan] * 3, ValueError, "y must not hold missing"),
        ("KNeighborsClassifier", np.array(["a", 1] * 3, object), TypeError, "y must hold labels of one type"),
        ("RadiusNeighborsClassifier", np.linspace(0, 1, 6), ValueError, "Unknown label type: continuous"),
    ],
)
def test_what_y_may_be(name, y, error, message):
    with pytest.raises(error, match=message):
        getattr(df, name)().fit(np.arange(6.0)[:, None], y)


def test_columns_of_labels_keep_their_types():
    pd = pytest.importorskip("pandas")
    rows = np.arange(6.0)[:, None]
    model = df.KNeighborsClassifier(1).fit(rows, pd.DataFrame({"a": ["u", "v"] * 3, "b": [1, 2] * 3}))
    assert model.predict(rows[:2]).tolist() == [["u", 1], ["v", 2]]
    several = np.arange(18).reshape(6, 3) % 2
    np.testing.assert_array_equal(df.KNeighborsClassifier(1).fit(rows, csr_matrix(several)).predict(rows), several)


@pytest.mark.parametrize("name", NAMES)
def test_amounts_are_checked_when_fitting(name):
    parameter = "radius" if name.startswith("Radius") else "n_neighbors"
    with pytest.raises(ValueError, match=f"{parameter} must be"):
        getattr(df, name)(**{parameter: -1}).fit([[0.0], [1.0]], [0, 1])


def test_graphs_for_others():
    """The estimators that take a graph of neighbours give what they give for rows."""
    rows, _, _ = data()
    rows = np.concatenate([rows, rows + 2])
    by_rows = DBSCAN(eps=1.5, min_samples=4).fit(rows)
    graph = df.NearestNeighbors(radius=1.5).fit(rows).radius_neighbors_graph(rows, mode="distance")
    np.testing.assert_array_equal(DBSCAN(eps=1.5, min_samples=4, metric="precomputed").fit(graph).labels_, by_rows.labels_)
    radius = df.RadiusNeighborsTransformer(radius=1.5)
    chained = make_pipeline(radius, DBSCAN(eps=1.5, min_samples=4, metric="precomputed"))
    np.testing.assert_array_equal(chained.fit_predict(rows), by_rows.labels_)
    nearest = df.KNeighborsTransformer(n_neighbors=20)
    for by_graph, by_rows, other in (
        (Isomap(n_neighbors=8, metric="precomputed"), Isomap(n_neighbors=8), "transform"),
        (LocalOutlierFactor(12, metric="precomputed"), LocalOutlierFactor(12), "predict"),
    ):
        result = getattr(make_pipeline(nearest, by_graph), f"fit_{other}")(rows)
        np.testing.assert_allclose(abs(result), abs(getattr(by_rows, f"fit_{other}")(rows)), rtol=1e-6, atol=1e-6)
    embedded = make_pipeline(
        df.KNeighborsTransformer(n_neighbors=91), TSNE(metric="precomputed", init="random", random_state=0, max_iter=250)
    ).fit_transform(rows)
    assert np.isfinite(embedded).all()
    connected = df.KNeighborsTransformer(mode="connectivity", n_neighbors=10).fit_transform(rows)
    groups = SpectralClustering(2, affinity="precomputed_nearest_neighbors", n_neighbors=8, random_state=0).fit_predict(
        nearest.fit_transform(rows)
    )
    assert connected.shape == (400, 400)
    assert set(groups) == {0, 1}


def test_the_plugin_knows_all_of_ours():
    assert {name for name in dir(df) if hasattr(theirs, name)} == set(NAMES)
