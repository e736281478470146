"""Libraries that take somebody's neighbours take ours: each recipe of docs/guide/neighbors.md."""

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors

import deeprob_fast as df

RNG = np.random.default_rng(71)
pytestmark = pytest.mark.filterwarnings("ignore")  # those libraries' own


@pytest.fixture
def rows():
    return np.concatenate([RNG.standard_normal((150, 5)), RNG.standard_normal((50, 5)) + 2])


LABELS = np.repeat([0, 1], [150, 50])


@pytest.mark.parametrize(
    ("module", "name", "parameter", "options"),
    [
        ("over_sampling", "SMOTE", "k_neighbors", {"random_state": 0}),
        ("over_sampling", "BorderlineSMOTE", "k_neighbors", {"random_state": 0}),
        ("over_sampling", "ADASYN", "n_neighbors", {"random_state": 0}),
        ("under_sampling", "EditedNearestNeighbours", "n_neighbors", {}),
        ("under_sampling", "NearMiss", "n_neighbors", {}),
    ],
)
def test_imbalanced_learn(rows, module, name, parameter, options):
    sampler = getattr(pytest.importorskip(f"imblearn.{module}"), name)
    searches = [kind(n_neighbors=6) for kind in (df.NearestNeighbors, NearestNeighbors)]
    resampled = [sampler(**options, **{parameter: search}).fit_resample(rows, LABELS) for search in searches]
    for ours, theirs in zip(*resampled, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_umap(rows):
    umap = pytest.importorskip("umap")
    distances, indices = df.NearestNeighbors(15).fit(rows).kneighbors(rows)
    options = {"n_neighbors": 15, "random_state": 0, "n_epochs": 20}
    by_graph = umap.UMAP(precomputed_knn=(indices, distances, None), **options).fit(rows)
    assert abs(by_graph.graph_ - umap.UMAP(**options).fit(rows).graph_).max() < 1e-4
    assert np.isfinite(by_graph.embedding_).all()


def test_opentsne(rows):
    affinity = pytest.importorskip("openTSNE.affinity")
    nearest_neighbors = pytest.importorskip("openTSNE.nearest_neighbors")
    distances, indices = df.NearestNeighbors(30).fit(rows).kneighbors()
    ours = affinity.PerplexityBasedNN(perplexity=10, knn_index=nearest_neighbors.PrecomputedNeighbors(indices, distances))
    theirs = affinity.PerplexityBasedNN(rows, perplexity=10, method="exact", k_neighbors=30)
    assert abs(ours.P - theirs.P).max() < 1e-12


def test_cleanlab(rows):
    outlier = pytest.importorskip("cleanlab.outlier")
    theirs = outlier.OutOfDistribution({"k": 10}).fit_score(features=rows, verbose=False)
    knn = df.NearestNeighbors(11, metric="cosine").fit(rows)
    ours = outlier.OutOfDistribution({"k": 11, "knn": knn}).fit_score(features=rows, verbose=False)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_scanpy(rows):
    scanpy = pytest.importorskip("scanpy")
    connected = []
    for transformer in (df.KNeighborsTransformer(n_neighbors=15), KNeighborsTransformer(n_neighbors=15)):
        cells = scanpy.AnnData(rows.astype(np.float32))
        scanpy.pp.neighbors(cells, n_neighbors=15, transformer=transformer, use_rep="X")
        connected.append(cells.obsp["connectivities"])
    assert connected[0].nnz > 15 * 200
    assert abs(connected[0] - connected[1]).max() < 1e-6


def test_hdbscan(rows):
    by_rows = HDBSCAN(min_cluster_size=10, copy=True).fit_predict(rows)
    by_distances = HDBSCAN(min_cluster_size=10, metric="precomputed", copy=True).fit_predict(df.pairwise_distances(rows))
    np.testing.assert_array_equal(by_distances, by_rows)
