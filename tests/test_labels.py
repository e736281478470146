"""Labels keep their meaning, whatever they come in: the accuracy is that of plain integers, or the argument is named."""

import array
import contextlib
import datetime as dt
import decimal
import tracemalloc
from typing import Any

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _labels
from tests.optional import pandas, pyarrow

RNG = np.random.default_rng(0)
NUMBERS = RNG.integers(0, 3, 40)
ROWS = RNG.standard_normal((40, 3)) + 2 * np.eye(3)[NUMBERS]
TRAIN, QUERIES = slice(0, 30), slice(30, 40)
HUGE = 2**63 + 2**11

# What the three classes are called, in the order of their numbers.
CLASSES = {
    "int8": [0, 1, 2],
    "int64": [-(2**63), 2**53, 2**53 + 1],
    "uint64": [2**53, 2**53 + 1, HUGE],
    "float32": [-0.5, 0.0, 2.25],
    "bool": [False, True, True],
    "text": ["1", "1.0", "é"],
    "long text": ["a" * 70_000, "a" * 69_999 + "b", "b"],
    "dates": [np.datetime64("1999-12-31"), np.datetime64("2000-01-01"), np.datetime64("2000-01-02")],
}
DTYPES: dict[str, Any] = {"dates": "M8[D]", "text": object, "long text": object}
CONTAINERS = {
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()),
    "array": lambda a: a,
    "objects": lambda a: a.astype(object),
    "column": lambda a: a[:, None],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "Series": lambda a: pandas().Series(a),
    "Categorical": lambda a: pandas().Categorical(a),
    "nullable": lambda a: pandas().Series(a).convert_dtypes(),
    "Arrow-backed": lambda a: pandas().Series(a).convert_dtypes(dtype_backend="pyarrow"),
    "Arrow": lambda a: pyarrow().array(a),
    "chunks": lambda a: pyarrow().chunked_array([pyarrow().array(a[:5]), pyarrow().array(a[5:])]),
    "dictionary": lambda a: pyarrow().array(a).dictionary_encode(),
    "table": lambda a: pandas().DataFrame({"label": a}),
}
# How the labels of the queries are written, where those of the training rows are as they come.
WRITTEN = {
    "alike": lambda a: a,
    "as objects": lambda a: a.astype(object).tolist(),
    "as other numbers": lambda a: a.astype({"i": "i8", "u": "u8", "f": "f8", "b": "i4"}.get(a.dtype.kind, a.dtype)),
}


def accuracies(train_labels, query_labels):
    return df.evaluate_knn(ROWS[TRAIN], train_labels, ROWS[QUERIES], query_labels, k=(1, 5)).accuracies


def named(kind):
    dtype = DTYPES.get(kind, kind)
    return np.array(CLASSES[kind], dtype=dtype)[NUMBERS]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_labels_mean_the_same_in_every_container(container, kind, written):
    labels, plain = named(kind), np.minimum(NUMBERS, 1) if kind == "bool" else NUMBERS
    given, asked = CONTAINERS[container](labels[TRAIN]), WRITTEN[written](labels[QUERIES])
    with contextlib.ExitStack() as stack:
        if kind == "dates":  # those of NumPy, Python and pandas are of other kinds
            stack.enter_context(contextlib.suppress(TypeError))
        found = df.evaluate_knn(ROWS[TRAIN], given, ROWS[QUERIES], asked, k=(1, 5))
        assert found.accuracies == accuracies(plain[TRAIN], plain[QUERIES])
        assert found.classes.tolist() == sorted(set(labels.tolist())) or kind == "dates"


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_labels_mean_the_same_to_every_evaluation(container, kind):
    labels, plain = named(kind), np.minimum(NUMBERS, 1) if kind == "bool" else NUMBERS
    folds, probes = [], []
    for own in (CONTAINERS[container](labels), plain):
        folds.append(df.knn_cross_validate(ROWS, own, k_choices=(1, 3)).accuracies)
        probes.append(df.evaluate_probe(ROWS, own, ROWS, own, validation=(ROWS, own), protocol="lsr").top1)
    assert folds[0] == folds[1]
    assert probes[0] == probes[1]


TWO = np.arange(2.0)[:, None]


def accuracy(train_labels, query_labels):
    return df.evaluate_knn(TWO, train_labels, TWO, query_labels, k=1).accuracies[1]


@pytest.mark.filterwarnings("ignore::deeprob_fast.datasets.SplitWarning")
def test_integers_are_never_rounded():
    """Neighbouring identifiers beyond 2**53, signed and unsigned, in lists, as floats, as objects."""
    ids = [1400000002000000600, 1400000002000000601]
    unsigned, signed = np.array(ids, np.uint64), np.array(ids, np.int64)
    for one in (unsigned, signed, ids, np.array(ids, object)):
        for other in (unsigned, signed, ids):
            assert accuracy(one, other) == 1
            assert accuracy(one, other[::-1]) == 0
    assert accuracy(np.array([2.0**53, 0.0]), [2**53 + 1, 0]) == 0.5
    assert accuracy([2**70, 2**70 + 1], [2**70 + 1, 2**70]) == 0
    model = df.SoftmaxClassifier(max_epochs=1).partial_fit(TWO, unsigned, classes=signed)
    assert model.classes_.tolist() == ids
    with pytest.raises(ValueError, match="y must hold labels of the classes"):
        model.partial_fit(TWO, signed + 1)
    with pytest.raises(ValueError, match="y_val must hold labels of the classes"):
        df.SoftmaxClassifier(max_epochs=1).fit(TWO, signed, X_val=TWO, y_val=unsigned + 1)


def test_values_that_are_equal_are_one_class():
    for one in ([True, False], [1, 0], [1.0, 0.0], np.array([1, 0], np.uint64), [np.uint8(1), np.int64(0)], [True, 0]):
        assert accuracy([1, 0], one) == 1
    assert accuracy([b"x", b"y"], ["x", "y"]) == accuracy(np.array([b"x", b"y"]), ["x", "y"]) == 1
    assert accuracy(["a\0", "a"], ["a", "a\0"]) == 0
    assert accuracy([dt.date(2000, 1, 1), dt.date(2000, 1, 2)], [dt.date(2000, 1, 1), dt.date(2000, 1, 2)]) == 1
    assert accuracy(array.array("i", [3, 4]), range(3, 5)) == 1


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["1", 1], "type; got str for row 0 and int for row 1: 1"),
        ([1, "a"], "type; got int for row 0 and str for row 1: 'a'"),
        ([b"a", "a"], "type; got bytes for row 0 and str for row 1"),
        ([None, 1], "missing labels; got None for row 0"),
        (["a", float("nan")], "missing labels; got nan for row 1"),
        ([decimal.Decimal("nan"), 1], "missing labels"),
        (np.array([1, np.nan]), "missing labels; got .*nan.* for row 1"),
        (np.array(["NaT", 1], "M8[s]"), "missing labels"),
        ([b"\xff", b"a"], "text; got bytes that are not UTF-8"),
        (np.eye(2), r"got one-hot rows of shape \(2, 2\): give their classes, labels.argmax\(axis=1\)"),
        (np.eye(2).tolist(), r"got one-hot rows of shape|got shape \(2, 2\)"),
        (np.full((2, 2), 0.5), r"1-D with one label for each of the 2 rows .*; got shape \(2, 2\)"),
        (np.array([1j, 2j]), "labels, which are numbers or text; got dtype complex128"),
        ([[1], [2, 3]], "labels, which are numbers or text; got list"),
        ({1, 2}, "1-D"),
        ("ab", "1-D"),
        ([{}, {}], "labels, which are numbers or text; got dict"),
    ],
)
def test_what_is_no_label_is_refused_with_the_argument(labels, words):
    for name, call in (
        ("train_labels", lambda: accuracy(labels, [0, 1])),
        ("query_labels", lambda: accuracy([0, 1], labels)),
        ("train_labels", lambda: df.evaluate_probe(TWO, labels, TWO, [0, 1])),
        ("query_labels", lambda: df.evaluate_probe(TWO, [0, 1], TWO, labels)),
        ("y", lambda: df.knn_cross_validate(TWO, labels, num_folds=2, k_choices=1)),
    ):
        with pytest.raises((ValueError, TypeError), match=f"{name} (must|and).*({words}|same kind)"):
            call()


def test_labels_that_have_no_order():
    labels = [object(), object()]
    with pytest.raises(TypeError, match="train_labels and query_labels must hold labels of one type, which can be sorted"):
        accuracy(labels, labels)
    with pytest.raises(ValueError, match="train_labels must be 1-D"):
        df.evaluate_knn(TWO, None, k=1)


@pytest.mark.parametrize("missing", ["NaN", "None", "NaT", "NA"])
def test_missing_labels_of_tables(missing):
    pd, pa = pandas(), pyarrow()
    value = {"NaN": float("nan"), "None": None, "NaT": pd.NaT, "NA": pd.NA}[missing]
    kinds = [pd.Series(["a", value]), pd.Series(["a", value], dtype="string"), pd.Categorical(["a", value])]
    kinds += [pd.Series([2**60, value], dtype=object), pd.Series([True, pd.NA], dtype="boolean")]
    kinds += [
        pd.Series([2**60, pd.NA], dtype="Int64"),
        pd.Series(["a", value], dtype="string[pyarrow]"),
        pd.Series([2**60, pd.NA], dtype="int64[pyarrow]"),
    ]
    kinds += [pa.array([1, None]), pa.array(["a", None]).dictionary_encode(), pa.chunked_array([[1], [None]])]
    for labels in kinds:
        with pytest.raises(ValueError, match=r"train_labels must not hold missing labels; got .* for row 1"):
            accuracy(labels, ["a", "a"])


def test_numbers_and_text_do_not_mix():
    for one, other in ((["1", "2"], [1, 2]), ([1, 2], np.array(["1", "2"])), (np.array(["1", "2"]), [1.0, 2.0])):
        with pytest.raises(TypeError, match="query_labels must be labels of the same kind as train_labels"):
            accuracy(one, other)
        with pytest.raises(TypeError, match="query_labels must be labels of the same kind as train_labels"):
            df.evaluate_probe(TWO, one, TWO, other)


@pytest.mark.parametrize(
    "estimator", [df.KNeighborsClassifier(1), df.SoftmaxClassifier(max_epochs=1), df.LinearSVM(max_epochs=1)]
)
def test_estimators_make_no_text_of_numbers(estimator):
    for labels in (["1", 1], [1, "a"], ["a", None], ["a", float("nan")]):
        with pytest.raises((ValueError, TypeError), match=r"\by\b must"):
            estimator.fit(TWO, labels)
    assert estimator.fit(TWO, ["b", "a"]).classes_.tolist() == ["a", "b"]


def test_text_takes_the_room_of_its_length():
    texts = [f"doc {i}" for i in range(20_000)]
    texts[5] = "x" * 20_000
    rows = np.arange(20_000.0)[:, None]
    tracemalloc.start()
    try:
        found = df.evaluate_knn(rows, texts, rows[:9], texts[:9], k=1)
        assert found.accuracies == {1: 1.0}
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert found.classes.dtype == object
    assert _labels.text(["a", "b"]).dtype == "<U1"


def test_numpy_text_of_any_length():
    with contextlib.suppress(AttributeError):  # of NumPy 2
        kind = np.dtypes.StringDType(na_object=None)
        assert accuracy(np.array(["x", "y"], dtype=kind), ["x", "y"]) == 1
        with pytest.raises(ValueError, match="train_labels must not hold missing labels; got None for row 1"):
            accuracy(np.array(["x", None], dtype=kind), ["x", "y"])


def test_places_among_classes():
    wanted = np.array([2**53 + 1, 3, 2**53], np.uint64)
    assert _labels.places("y", wanted, np.array([3, 2**53])).tolist() == [-1, 0, 1]
