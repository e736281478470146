"""Data frames and lists in every function and estimator: the numbers that they hold, or a refusal that names the column."""

import numpy as np
import pytest
from sklearn.utils import check_array

import deeprob_fast as df
from deeprob_fast import _validation

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore:pandas.DataFrame with sparse columns:UserWarning")  # of scikit-learn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 2)).round(3)
FLAGS = X[:, 1] > 0
MIXED = np.column_stack([X[:, 0], FLAGS])
Y = np.arange(24) % 3
W = np.ones((2, 3))

TABLES = {
    "nullable": (pd.DataFrame(X, columns=["a", "b"]).convert_dtypes(), X),
    "of Arrow": (pd.DataFrame(X, columns=["a", "b"]).astype("double[pyarrow]"), X),
    "flags beside numbers": (pd.DataFrame({"a": X[:, 0], "b": FLAGS}), MIXED),
    "nullable flags": (pd.DataFrame({"a": X[:, 0], "b": pd.array(FLAGS, dtype="boolean")}), MIXED),
    "whole numbers": (pd.DataFrame({"a": pd.array(Y, dtype="Int64"), "b": X[:, 1]}), np.column_stack([Y, X[:, 1]])),
    "sparse": (pd.DataFrame({"a": pd.arrays.SparseArray(X[:, 0]), "b": X[:, 1]}), X),
    "categories of numbers": (pd.DataFrame({"a": pd.Categorical(Y), "b": X[:, 1]}), np.column_stack([Y, X[:, 1]])),
    "objects": (pd.DataFrame({"a": X[:, 0].astype(object), "b": FLAGS.astype(object)}), MIXED),
}  # fmt: skip

CALLS = {
    "nearest_neighbors": (lambda X: df.nearest_neighbors(X, X[:5], 2).distances, "train"),
    "queries": (lambda X: df.nearest_neighbors(np.asarray(MIXED), X, 2).distances, "queries"),
    "KNNIndex": (lambda X: df.KNNIndex(X).search(X, 2).distances, "train"),
    "pairwise_distances": (lambda X: df.pairwise_distances(X, X), "X"),
    "top_k": (lambda X: df.top_k(X, 1).values, "values"),
    "evaluate_knn": (lambda X: df.evaluate_knn(X, Y, X, Y, k=3).neighbors.distances, "train"),
    "knn_cross_validate": (lambda X: df.knn_cross_validate(X, Y, 2, (1, 3)).accuracies[3], "X"),
    "evaluate_probe": (lambda X: df.evaluate_probe(X, Y, X, Y).W, "train"),
    "svm_loss": (lambda X: df.svm_loss(W, X, Y).grad, "X"),
    "softmax_loss": (lambda X: df.softmax_loss(W, X, Y).grad, "X"),
    "train": (lambda X: df.train(X, Y, n_epochs=1).W, "X"),
    "validation": (lambda X: df.train(MIXED, Y, n_epochs=1, X_val=X, y_val=Y).val_losses, "X_val"),
    "sweep": (lambda X: df.sweep(X, Y, {"reg": [0.1]}, n_epochs=1).trainings[0].W, "X"),
    "minimize_softmax": (lambda X: df.minimize_softmax(X, Y, reg=0.1).W, "X"),
    "random_search": (lambda X: df.random_search(X, Y, n_candidates=2).losses, "X"),
    "weights": (lambda X: df.svm_loss(X, np.ones((2, 24)), [0, 1]).grad, "W"),
    "NearestNeighbors": (lambda X: df.NearestNeighbors(1).fit(X).kneighbors(X)[0], "X"),
    "KNeighborsClassifier": (lambda X: df.KNeighborsClassifier(3).fit(X, Y).predict_proba(X), "X"),
    "LinearSVM": (lambda X: df.LinearSVM(random_state=0, max_epochs=2).fit(X, Y).coef_, "X"),
    "decision_function": (lambda X: df.SoftmaxClassifier(random_state=0, max_epochs=2).fit(X, Y).decision_function(X), "X"),
    "compat": (lambda X: df.compat.cs231n.svm_loss_vectorized(W, X, Y, 0.1)[1], "X"),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_tables_are_their_numbers(call):
    compute, _ = CALLS[call]
    for table, array in TABLES.values():
        np.testing.assert_array_equal(compute(table), compute(array))


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read_as_scikit_learn_reads_them(name):
    table, array = TABLES[name]
    rows = _validation.check_rows("X", table)
    np.testing.assert_array_equal(rows, check_array(table, dtype=[np.float64, np.float32]))
    np.testing.assert_array_equal(rows, array)
    assert rows.dtype == np.float64


def test_columns_may_have_one_name():
    table = pd.DataFrame(MIXED, columns=["a", "a"]).astype({"a": "Float64"})
    np.testing.assert_array_equal(_validation.check_rows("X", table), MIXED)


def others(library, **columns):
    module = pytest.importorskip(library)
    return module.table(columns) if library == "pyarrow" else module.DataFrame(columns)


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_tables_of_other_libraries(library):
    plain = others(library, a=X[:, 0], b=FLAGS)
    for call, _ in CALLS.values():
        np.testing.assert_array_equal(call(plain), call(MIXED))
    assert _validation.check_rows("X", others(library, a=np.float32([1, 2]), b=np.float32([3, 4]))).dtype == np.float32
    for columns, error, words in (
        (
            {"a": [0.5, 1], "b": [2**60 + 1, 1]},
            ValueError,
            r"must hold integers up to 2\*\*53 in magnitude; got 1152921504606846977",
        ),
        ({"a": [0.5, 1], "b": [1, None]}, ValueError, "must not hold missing values; got one in row 1"),
        ({"a": [0.5, 1], "b": ["1", "2"]}, TypeError, "must hold real numbers; got the text '1'"),
    ):
        for read in (lambda table: _validation.check_rows("X", table), df.NearestNeighbors(1).fit):
            with pytest.raises(error, match=rf"^X \(column 'b'\) {words}"):
                read(others(library, **columns))


def test_narrow_columns_stay_narrow():
    for dtype in ("Float32", "float[pyarrow]", "float32"):
        assert _validation.check_rows("X", pd.DataFrame(X).astype(dtype)).dtype == np.float32
    assert _validation.check_rows("X", pd.DataFrame(Y[:, None]).astype("uint8")).dtype == np.uint8


def column(values, **options):
    return pd.DataFrame({"a": X[:, 0], "b": pd.Series(values, **options)})


HUGE = np.arange(24) + 2**60
MISTAKES = {
    "missing": (column([None, *range(23)], dtype="Int64"), ValueError, r"must not hold missing values; got one in row 0"),
    "missing of Arrow": (column([1, None, *range(22)], dtype="double[pyarrow]"), ValueError, r"must not .* in row 1"),
    "missing object": (column([1, pd.NA, *range(22)], dtype=object), ValueError, r"must not hold missing values"),
    "text": (column(list("abcdefgh" * 3)), TypeError, r"must hold real numbers; got the text 'a'"),
    "digits": (column([str(i) for i in Y]), TypeError, r"must hold real numbers; got the text '0'"),
    "text of Arrow": (column([str(i) for i in Y], dtype="string[pyarrow]"), TypeError, r"must .* got the text '0'"),
    "categories": (column(pd.Categorical([str(i) for i in Y])), TypeError, r"must hold real numbers; got the text"),
    "dates": (column(pd.date_range("2020", periods=24)), TypeError, r"must hold real numbers; got dtype datetime64"),
    "complex": (column(X[:, 1] * 1j), TypeError, r"must hold real numbers; got dtype complex128"),
    "others": (column([{}] * 24), TypeError, r"must hold real numbers: "),
    "rounded": (column(HUGE), ValueError, rf"must hold integers up to 2\*\*53 in magnitude; got {HUGE[-1]}"),
    "rounded, nullable": (column(HUGE, dtype="Int64"), ValueError, r"must hold integers up to 2\*\*53"),
    "rounded, of Arrow": (column(HUGE, dtype="int64[pyarrow]"), ValueError, r"must hold integers up to 2\*\*53"),
    "rounded objects": (column(HUGE.tolist(), dtype=object), ValueError, r"must hold integers up to 2\*\*53"),
    "negative": (column(-HUGE), ValueError, rf"must hold integers up to 2\*\*53 in magnitude; got {-HUGE[-1]}"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("call", CALLS)
def test_columns_that_are_no_numbers_are_named(call, mistake):
    compute, argument = CALLS[call]
    table, error, words = MISTAKES[mistake]
    with pytest.raises(error, match=rf"^{argument} \(column 'b'\) {words}"):
        compute(table)


LARGE = 2**53 + 1
ROUNDED = {
    "array": np.full((24, 2), LARGE),
    "unsigned": np.full((24, 2), LARGE, dtype=np.uint64),
    "other byte order": np.full((24, 2), LARGE).astype(">i8"),
    "list": [[LARGE, 1]] * 24,
    "list beside floats": [[LARGE, 0.5]] * 24,
    "deep in a list": [[0.5, 1.0]] * 23 + [[0.5, -LARGE]],
    "arrays in a list": [np.array([LARGE, 1])] * 23 + [np.array([0.5, 1.0])],
    "table": pd.DataFrame(np.full((24, 2), LARGE)),
    "nullable table": pd.DataFrame(np.full((24, 2), LARGE)).astype("Int64"),
}


@pytest.mark.parametrize("values", ROUNDED.values(), ids=ROUNDED)
@pytest.mark.parametrize("call", [name for name in CALLS if name != "top_k"])
def test_integers_that_would_be_rounded_are_refused(call, values):
    compute, argument = CALLS[call]
    with pytest.raises(ValueError, match=rf"^{argument} must hold integers up to 2\*\*53 in magnitude; got -?{LARGE}"):
        compute(values)


def test_large_floats_are_no_integers():
    values = [[float(2**60), 1], [-1e300, np.float64(1e20)], [2**53, 0.5]]
    np.testing.assert_array_equal(_validation.check_rows("X", values), np.array(values))


def test_rows_of_half_precision_in_a_list():
    values = [np.array([1.0, 6e4], np.float16), np.array([-0.5, 0.0], np.float16)]
    np.testing.assert_array_equal(df.pairwise_distances(values), df.pairwise_distances(np.array(values)))
    np.testing.assert_array_equal(_validation.as_numbers("X", values), np.array(values))


@pytest.mark.parametrize("call", CALLS)
def test_masked_rows_in_a_list_are_refused(call):
    compute, argument = CALLS[call]
    with pytest.raises(ValueError, match=f"^{argument} must not hold masked values; got 1 of them"):
        compute([np.ma.masked_array([1.0, 2.0], mask=[True, False]), *X[1:]])
    np.testing.assert_array_equal(compute([np.ma.masked_array(row, mask=False) for row in X]), compute(X))


@pytest.mark.parametrize("dtype", ["Int64", "double[pyarrow]", "Float32"])
def test_weights_of_examples_may_be_columns(dtype):
    weights = pd.Series(Y + 1).astype(dtype)
    for compute in (
        lambda given: df.softmax_loss(W, X, Y, sample_weight=given).grad,
        lambda given: df.svm_loss(W, X, Y, mean=given[:2], std=given[:2]).grad,
        lambda given: df.LinearSVM(random_state=0, max_epochs=2, early_stopping=True).fit(X, Y, given).coef_,
    ):
        np.testing.assert_array_equal(compute(weights), compute(Y + 1))
    weights[3] = None
    with pytest.raises(ValueError, match="sample_weight must not hold missing values; got one in row 3"):
        df.softmax_loss(W, X, Y, sample_weight=weights)


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "int64[pyarrow]", "boolean"])
def test_numbers_of_classes_may_be_columns(dtype):
    numbers = pd.Series(Y % 2).astype(dtype)
    for compute in (
        lambda given: df.softmax_loss(W, X, given).grad,
        lambda given: df.train(X, given, n_epochs=1).W,
        lambda given: df.minimize_softmax(X, given, reg=0.1).W,
        lambda given: df.fit_temperature(X, given),
    ):
        np.testing.assert_array_equal(compute(numbers), compute(Y % 2))
    numbers[5] = None
    with pytest.raises(ValueError, match="y must not hold missing values; got one in row 5"):
        df.svm_loss(W, X, numbers)


def test_names_of_columns_reach_scikit_learn():
    table = TABLES["flags beside numbers"][0]
    model = df.LinearSVM(random_state=0, max_epochs=1).fit(table, Y)
    assert model.feature_names_in_.tolist() == ["a", "b"]


def test_rows_of_folds_may_not_be_masked():
    rows = np.ma.masked_array([0, 1], mask=[True, False])
    with pytest.raises(ValueError, match="folds must not hold masked values; got 1 of them"):
        df.knn_cross_validate(X, Y, k_choices=1, folds=[(rows, [2, 3])])


@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"compat"}))  # which returns tensors for tensors
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_tensors_are_their_numbers(call):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    compute, _ = CALLS[call]
    rough = torch.tensor(X).bfloat16()
    expected = compute(rough.float().numpy())
    np.testing.assert_array_equal(compute(rough), expected)
    np.testing.assert_array_equal(compute(torch.tensor(X, requires_grad=True)), compute(X))
