"""Arguments that were once taken, or refused without a name: every kind that the fuzzers found."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _labels, _scalars
from deeprob_fast.optim import textbook

ROWS = np.arange(24.0).reshape(8, 3)
LABELS = np.arange(8) % 2
MASKED = np.ma.masked_array(ROWS, mask=np.eye(8, 3, dtype=bool))
HUGE = 10**400


def knn(**own):
    return df.KNeighborsClassifier(**{"n_neighbors": 1, **own})


def svm(**own):
    return df.LinearSVM(**{"random_state": 0, "max_epochs": 1, **own})


def one_vs_all(*inputs, **own):
    return df.svm_loss(*inputs, formulation="one_vs_all", **own)


def loaded_state(moments):
    optimizer = df.optim.SGD(lr=1, momentum=0.5)
    optimizer.step(ROWS.copy(), ROWS)
    state = optimizer.state_dict()
    state["state"][0]["momentum_buffer"] = moments
    df.optim.SGD(lr=1, momentum=0.5).load_state_dict(state)


CASES = [
    # Masked values are no values.
    (lambda: df.nearest_neighbors(MASKED, ROWS, 1), ValueError, "train must not hold masked values; got 3 of them"),
    (lambda: df.KNNIndex(ROWS).search(MASKED, 1), ValueError, "queries must not hold masked values"),
    (lambda: df.top_k(MASKED, 1), ValueError, "values must not hold masked values"),
    (lambda: df.softmax_loss(np.ones((3, 2)), MASKED, LABELS), ValueError, "X must not hold masked values"),
    (lambda: df.train(ROWS, np.ma.masked_array(LABELS, mask=LABELS)), ValueError, "y must not hold masked values; got 4"),
    (lambda: df.numerical_gradient(np.sum, MASKED), ValueError, "x must not hold masked values"),
    (lambda: df.optim.SGD(lr=1).step(MASKED.copy(), ROWS), ValueError, "params must not hold masked values"),
    (lambda: df.optim.SGD(lr=1).step(ROWS.copy(), MASKED), ValueError, "grads must not hold masked values"),
    (lambda: knn().fit(MASKED, LABELS), ValueError, "X must not hold masked values"),
    (lambda: knn().fit(ROWS, LABELS).predict(MASKED), ValueError, "X must not hold masked values"),
    (lambda: svm().fit(MASKED, LABELS), ValueError, "X must not hold masked values"),
    (lambda: svm().fit(ROWS, np.ma.masked_array(LABELS, mask=LABELS)), ValueError, "y must not hold masked values"),
    (lambda: svm().fit(ROWS, LABELS, X_val=MASKED, y_val=LABELS), ValueError, "X_val must not hold masked values"),
    (lambda: svm().fit(ROWS, LABELS).predict(MASKED), ValueError, "X must not hold masked values"),
    (lambda: textbook.momentum_step(ROWS, MASKED, ROWS, lr=0.1), ValueError, "v must not hold masked values; got 3 of them"),
    (lambda: textbook.nesterov_step(ROWS, ROWS, lambda _: MASKED, lr=0.1), ValueError, r"gradient\(w\) must not hold masked"),
    (lambda: loaded_state(MASKED), ValueError, r"state_dict\['state'\]\[0\] must not hold masked values; got 3 of them"),
    # Arrays have __index__ and compare with numbers.
    (lambda: df.nearest_neighbors(ROWS, ROWS, np.array([1])), TypeError, r"k must be an integer; got array\(\[1\]\)"),
    (lambda: df.top_k(ROWS, np.array([1, 2])), TypeError, "k must be an integer"),
    (lambda: df.top_k(ROWS, 1, n_threads=np.array([1, 2])), TypeError, "n_threads must be an integer"),
    (lambda: df.evaluate_knn(ROWS, LABELS, k=1, weights=np.ones(2)), ValueError, "weights must be one of"),
    (lambda: df.knn_cross_validate(ROWS, LABELS, k_choices=np.array(9)), ValueError, "k_choices must be between 1 and 6"),
    (lambda: df.evaluate_knn(ROWS, LABELS, k=1, temperature=np.array("x")), TypeError, "temperature must be a number"),
    (lambda: df.evaluate_knn(ROWS, LABELS, ROWS, LABELS, k=1, n_per_class="3"), TypeError, "n_per_class must be an integer"),
    # Integers that no float64 holds.
    (lambda: df.softmax_loss(np.ones((3, 2)), ROWS, LABELS, reg=HUGE), ValueError, "reg must be finite and at least 0"),
    (lambda: df.minimize_softmax(ROWS, LABELS, reg=HUGE), ValueError, "reg must be finite"),
    (lambda: df.numerical_gradient(np.sum, ROWS, h=HUGE), ValueError, "h must be finite and above 0"),
    (lambda: df.optim.Adam(lr=HUGE), ValueError, "lr must be finite"),
    (lambda: svm(learning_rate=HUGE).fit(ROWS, LABELS), ValueError, "learning_rate must be finite and above 0"),
    (lambda: df.numerical_gradient(np.sum, [np.longdouble("1e400")]), ValueError, "x must be finite; got inf at index"),
    # Missing labels are no class, and labels have an order.
    (lambda: df.evaluate_knn(ROWS, [0.5, np.nan] * 4, k=1), ValueError, "train_labels must not hold missing .*nan.* for row 1"),
    (lambda: df.evaluate_knn(ROWS, ["a", None] * 4, k=1), ValueError, "train_labels must not hold missing .*None for row 1"),
    (lambda: df.knn_cross_validate(ROWS, np.full(8, "NaT", "M8[s]")), ValueError, "y must not hold missing labels"),
    (lambda: df.evaluate_probe(ROWS, ["a", None] * 4, ROWS, LABELS), ValueError, "train_labels must not hold missing labels"),
    (lambda: df.evaluate_knn(ROWS, np.array(["a", 1] * 4, dtype=object), k=1), TypeError, "must hold labels of one type"),
    (lambda: df.knn_cross_validate(ROWS, np.array(["a", 2] * 4, object), k_choices=1), TypeError, "y must hold labels of one"),
    (lambda: svm().partial_fit(ROWS, LABELS, [None, 1]), ValueError, "classes must not hold missing labels"),
    (lambda: svm().partial_fit(ROWS, LABELS, 3), ValueError, r"classes must be 1-D, one label for each class; got shape \(\)"),
    (lambda: svm().partial_fit(ROWS, LABELS, ["a", "b"]), TypeError, "y must be labels of the same kind as classes"),
    # Estimators call their arguments by their own names.
    (lambda: knn().fit(ROWS * 1e200, LABELS), ValueError, "X must be finite; row 0 holds .*e.200, whose square is too large"),
    (lambda: knn().fit(ROWS, LABELS).predict(ROWS * 1e200), ValueError, "X must be finite; row 0 holds"),
    (lambda: knn(n_jobs=0).fit(ROWS, LABELS), ValueError, "n_jobs must be between 1 and 4096"),
    (lambda: df.NearestNeighbors(n_jobs=[1]).fit(ROWS), TypeError, "n_jobs must be an integer"),
    (lambda: svm(n_jobs=0).fit(ROWS, LABELS), ValueError, "n_jobs must be between"),
    (lambda: knn().fit(ROWS.astype(complex), LABELS), ValueError, "X and y must be arrays that fit the estimator: Complex data"),
    (lambda: knn().fit("text", LABELS), (TypeError, ValueError), r"\bX\b"),
    (lambda: svm().fit(ROWS.astype(str), LABELS), TypeError, "X must hold real numbers; got dtype <U"),
    (lambda: svm().fit(ROWS.astype("M8[s]"), LABELS), TypeError, "X must hold real numbers; got dtype datetime64"),
    (lambda: svm().fit(ROWS.astype(np.longdouble), LABELS), TypeError, "X must hold real numbers; got dtype"),
    (lambda: knn().fit(np.full((8, 3), 2**60), LABELS), ValueError, r"X must hold integers up to 2\*\*53 in magnitude"),
    (lambda: df.train(ROWS, LABELS, learning_rate=-1.0), ValueError, "learning_rate must be finite and at least 0; got -1.0"),
    (lambda: svm(class_weight={0: 2}).fit(ROWS, LABELS.astype("M8[s]")), TypeError, "class_weight must be a dict of numbers by"),
    # What must be a sequence, a function or one of both.
    (lambda: df.sweep(ROWS, LABELS, None), TypeError, "grid must be a sequence of dicts, or a dict of lists; got None"),
    (lambda: df.sweep(ROWS, LABELS, [{"reg": 1}, 3][1:]), TypeError, "grid must hold dicts; got 3"),
    (lambda: df.softmax_path(ROWS, LABELS, regs=0.1), TypeError, "regs must be a sequence of numbers; got 0.1"),
    (lambda: df.train(ROWS, LABELS, batches=3), TypeError, "batches must be a sequence of arrays of row numbers; got 3"),
    (lambda: df.train(ROWS, LABELS, batches=[]), ValueError, "batches must hold at least one batch"),
    (lambda: df.train(ROWS, LABELS, schedule=id), TypeError, "schedule must make a schedule of deeprob_fast.optim"),
    (lambda: df.optim.SGD(lr=1).step([ROWS.copy()], 1.0), TypeError, "grads must be a sequence of gradients; got 1.0"),
    (lambda: df.optim.SGD(lr=1).step(memoryview(ROWS), ROWS), TypeError, "params must be a NumPy array"),
    (lambda: df.optim.SGD(momentum="0.9", nesterov=True), TypeError, "momentum must be a number; got '0.9'"),
    (lambda: df.random_search(ROWS.astype("f4"), LABELS, scale=1e300), ValueError, "scale must be so small that float32"),
    # Infinity may hide behind a margin.
    (lambda: one_vs_all([[1.0, 1.0], [1.0, -np.inf]], [[0.0]], [0], bias=True), ValueError, "W must be finite"),
    (lambda: one_vs_all([[1.0, -1.0]], [[np.inf]], [0]), ValueError, "X must be finite; row 0 holds infinity"),
    # A row of a fold is told by its number among all.
    (lambda: df.knn_cross_validate(np.where(np.arange(24).reshape(8, 3) == 22, np.nan, ROWS), LABELS, k_choices=1), ValueError,
     "X must be finite; row 7 holds NaN"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), CASES, ids=[f"{i} {case[2]}" for i, case in enumerate(CASES)])
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_masked_arrays_without_masked_values_are_arrays():
    plain = np.ma.masked_array(ROWS, mask=False)
    np.testing.assert_array_equal(df.nearest_neighbors(plain, plain, 1).indices[:, 0], np.arange(8))
    np.testing.assert_array_equal(knn().fit(plain, LABELS).predict(plain), LABELS)


def test_arrays_of_no_dimension_are_numbers():
    assert _scalars.check_integer("k", np.array(3), 1, 5, "a number") == 3
    assert _scalars.one_or_several(np.array(3)) == [np.array(3)]
    assert df.knn_cross_validate(ROWS, LABELS, k_choices=np.array(2)).best_k == 2


def test_labels_of_pandas_that_are_missing():
    pd = pytest.importorskip("pandas")
    for missing in (pd.NA, pd.NaT):
        with pytest.raises(ValueError, match="y must not hold missing labels"):
            _labels.of_one_kind("y", np.array(["a", missing], dtype=object))


@pytest.mark.parametrize("n_columns", [1, 65])
def test_rows_that_share_their_memory(n_columns):
    values = np.broadcast_to(np.random.default_rng(0).standard_normal((1, 65))[:, :n_columns], (6, 65))
    found = df.top_k(values, 3)
    np.testing.assert_array_equal(found.indices, df.top_k(values.copy(), 3).indices)
    np.testing.assert_array_equal(found.values, df.top_k(values.copy(), 3).values)


def test_a_tiny_temperature_leaves_the_nearest():
    model = knn(n_neighbors=3, weights="softmax", temperature=1e-308).fit(ROWS, LABELS)
    np.testing.assert_array_equal(model.predict_proba(ROWS)[:, 0], LABELS == 0)


def test_the_best_of_random_weights_is_one_that_was_tried():
    found = df.random_search(ROWS, LABELS, n_candidates=5, scale=1.0)
    assert found.loss == found.losses.min()
    endless = df.random_search(ROWS, LABELS, n_candidates=2, scale=1e307, loss="softmax")
    assert not np.isfinite(endless.losses).any()
    assert endless.W.any()
