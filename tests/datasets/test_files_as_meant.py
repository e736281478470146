"""Files mean what their writers meant: no label, row number or index becomes a feature, and what is unclear is refused."""

import json
import struct
import sys

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import datasets
from tests.datasets.labelled_rows import NAMES, RNG, X, Y, check, rows_and_labels
from tests.optional import pandas, pyarrow


@pytest.fixture
def frame():
    pyarrow()
    return pandas().DataFrame(X, columns=list("abc"))


@pytest.mark.parametrize("label", ["label", "y", "Target", "class"])
def test_flat_columns_beside_a_label(tmp_path, frame, label):
    for labels in (Y, NAMES, Y > 0, pandas().Categorical(NAMES), pandas().Categorical(Y), Y.astype(np.uint64) + 2**60):
        frame.assign(**{label: labels}).to_parquet(tmp_path / "rows.parquet")
        data = check(datasets.load(tmp_path / "rows.parquet"), X, np.asarray(labels))
        assert data.taken == f"features: a, b, c; labels: {label}"
        assert datasets.load_embeddings(tmp_path / "rows.parquet").shape == (90, 3)


def test_random_labels_score_as_chance_does(tmp_path, frame):
    frame.assign(label=RNG.permutation(Y)).to_parquet(tmp_path / "rows.parquet")
    data = datasets.load(tmp_path / "rows.parquet")
    assert df.evaluate_knn(data.train, data.train_labels, data.test, data.test_labels, k=1).best.top1 < 0.7


@pytest.mark.parametrize("index", ["filtered", "named", "text", "two", "stripped"])
def test_an_index_of_pandas_is_no_column(tmp_path, frame, index):
    frame = frame.assign(label=Y)
    if index == "named":
        frame.index = frame.index.rename("row")
    if index == "text":
        frame.index = [f"doc {i}" for i in range(90)]
    if index == "two":
        frame.index = pandas().MultiIndex.from_arrays([range(90), range(90)])
    keep = frame.a > 0
    frame[keep].to_parquet(tmp_path / "rows.parquet")
    if index == "stripped":  # as programs do that do not know pandas
        from pyarrow import parquet

        parquet.write_table(parquet.read_table(tmp_path / "rows.parquet").replace_schema_metadata(), tmp_path / "rows.parquet")
    data = check(datasets.load(tmp_path / "rows.parquet"), X[keep], Y[keep])
    assert data.taken == "features: a, b, c; labels: label"
    frame[keep].drop(columns="label").to_parquet(tmp_path / "only.parquet")
    assert datasets.load_embeddings(tmp_path / "only.parquet").shape == (keep.sum(), 3)


@pytest.mark.parametrize("labels", ["text", "Categorical", "numbers", "bool"])
def test_lists_beside_an_index_and_labels(tmp_path, frame, labels):
    given = {"text": NAMES, "Categorical": pandas().Categorical(NAMES), "numbers": pandas().Categorical(Y), "bool": Y > 0}[labels]
    table = pandas().DataFrame({"emb": list(X), "label": given}, index=[f"doc {i}" for i in range(90)])
    table.to_parquet(tmp_path / "rows.parquet")
    assert check(datasets.load(tmp_path / "rows.parquet"), X, np.asarray(given)).taken == "features: emb; labels: label"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"id": np.arange(90)}, "id may number the rows"),
        ({"coarse_label": Y}, "coarse_label may be labels"),
        ({"class id": Y}, "class id may be labels"),
        ({"Unnamed: 0": np.arange(90)}, "Unnamed: 0 may number the rows"),
        ({"doc_id": np.arange(90)}, "doc_id may number the rows"),
        ({"path": NAMES}, "path holds no numbers"),
        ({"when": np.zeros(90, "M8[s]")}, "when holds no numbers"),
        ({"target": Y}, "label and target may all be it: give label_key"),
    ],
)
def test_columns_that_are_no_features(tmp_path, frame, extra, words):
    frame.assign(label=Y, **extra).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=rf"rows.parquet must hold .*{words}"):
        datasets.load(tmp_path / "rows.parquet")


def test_columns_of_other_types_are_named_when_they_are_meant(tmp_path, frame):
    table = pandas().DataFrame({"emb": list(X), "when": np.zeros(90, "M8[s]"), "kind": NAMES, "id": NAMES})
    table.to_parquet(tmp_path / "rows.parquet")
    for options, words in (
        ({}, "must hold an array y, or it must be given; found X: give labels, or label_key"),
        ({"label_key": "when"}, "must hold numbers, text or lists of numbers in when; its type is timestamp"),
        ({"label_key": "emb"}, "features and labels in two arrays; both are to be emb"),
        ({"label_key": "sort"}, r"must hold an array sort; its arrays are emb \(90, 3\), when"),
    ):
        with pytest.raises(ValueError, match=words):
            datasets.load(tmp_path / "rows.parquet", **options)
    check(datasets.load(tmp_path / "rows.parquet", label_key="kind"), X, NAMES)


def test_a_text_column_as_labels_takes_the_room_of_its_text(tmp_path):
    from pyarrow import parquet

    texts = [f"doc {i}" for i in range(20_000)]
    texts[5] = "x" * 20_000
    table = pyarrow().table({"text": texts, "embedding": pyarrow().array(list(np.zeros((20_000, 8), "f4")))})
    parquet.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(
        ValueError, match="rows must have several rows of some class to be split; each of its 20000 rows has a label of"
    ):
        datasets.load(tmp_path / "rows.parquet", label_key="text")
    data = datasets.load(tmp_path / "rows.parquet", label_key="text", split="none")
    assert sum(map(len, rows_and_labels(data)[1])) == sum(map(len, texts))
    assert data.train_labels.dtype == object


HABITS = {
    "keras": ("x_train", "y_train", "x_test", "y_test"),
    "sklearn": ("X_train", "y_train", "X_test", "y_test"),
    "torch": ("train_features", "train_labels", "test_features", "test_labels"),
    "medmnist": ("train_images", "train_labels", "test_images", "test_labels"),
    "benchmarks": ("train", "train_labels", "test", "test_labels"),
    "dino": ("trainfeat", "trainlabels", "testfeat", "testlabels"),
}


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("habit", HABITS)
def test_npz_by_habit(tmp_path, habit, column):
    labels = Y[:, None] if column else Y
    parts = (X[:60], labels[:60], X[60:], labels[60:])
    np.savez(tmp_path / "rows.npz", **dict(zip(HABITS[habit], parts, strict=True)))
    data = datasets.load(tmp_path / "rows.npz")
    np.testing.assert_array_equal(data.test, X[60:])
    np.testing.assert_array_equal(data.test_labels, Y[60:])
    np.testing.assert_array_equal(data.train_labels, Y[:60])
    assert data.taken == "features: {}; labels: {}; test features: {}; test labels: {}".format(*HABITS[habit])


@pytest.mark.parametrize(
    "names",
    [("embeddings", "targets"), ("features", "labels"), ("data", "target"), ("EMB", "Y"), ("arr_0", "arr_1"), ("z", "label")],
)
def test_npz_of_two_arrays(tmp_path, names):
    for labels in (Y, Y[:, None], NAMES):
        np.savez(tmp_path / "rows.npz", **dict(zip(names, (X, labels), strict=True)))
        data = check(datasets.load(tmp_path / "rows.npz"), X, labels.reshape(-1))
        assert data.taken == "features: {}; labels: {}".format(*names)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": X, "embeddings": X, "y": Y}, "must hold one array for X; X and embeddings may all be it: give key"),
        ({"X": X, "label": Y, "target": Y}, "must hold one array for y; label and target may all be it: give label_key"),
        ({"X": X, "ids": np.arange(90)}, "must hold an array y, or it must be given"),
        ({"X": X, "y": np.eye(3)[Y]}, r"y of .* must be 1-D .*; got one-hot rows of shape \(90, 3\): give their classes"),
        ({"X": X, "y": X}, r"y of .* must be 1-D with one label for each of the 90 rows of bad.npz; got shape \(90, 3\)"),
        ({"X": X, "y": np.where(Y == 2, np.nan, Y)}, r"y of .*bad.npz must not hold missing labels; got .*nan.* for row"),
        ({"X": X, "y": NAMES.astype(object)}, "must hold plain arrays in y; it holds Python objects, .* save text as str"),
        ({"X": np.zeros((90, 4, 5)), "y": Y}, "must hold a matrix of real numbers in X; it is 3-D float64"),
        ({"arr_0": X, "arr_1": X, "arr_2": Y}, "must hold an array X or one matrix only, or its key must be given"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "must hold an array y_test, or it must be given"),
    ],
)
def test_what_is_unclear_or_no_label_is_refused(tmp_path, arrays, words):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        datasets.load(tmp_path / "bad.npz")


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (1, 8, 8), (8, 8, 3), (3, 8, 8)])
def test_images_become_rows(tmp_path, shape):
    images = RNG.integers(0, 255, (90, *shape)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", x_train=images[:60], y_train=Y[:60, None], x_test=images[60:], y_test=Y[60:, None])
    data = datasets.load(tmp_path / "images.npz")
    np.testing.assert_array_equal(data.test, images[60:].reshape(30, -1))
    assert data.image_shape == tuple(n for n in shape if n != 1)


def test_other_arrays_do_not_keep_from_reading_the_wanted_one(tmp_path):
    np.savez(tmp_path / "rows.npz", X=X, y=Y, names=np.array(["a", None], object), bad=np.zeros(3, dtype=[("f", "O")]))
    for options in ({}, {"key": "X"}):
        np.testing.assert_array_equal(datasets.load_embeddings(tmp_path / "rows.npz", **options), X)
    check(datasets.load(tmp_path / "rows.npz"))
    with pytest.raises(ValueError, match="must hold plain arrays in names"):
        datasets.load_embeddings(tmp_path / "rows.npz", key="names")
    rows, body = X.astype(np.float32), b"\0" * 20
    header = {"f8": {"dtype": "F8_E4M3", "shape": [20], "data_offsets": [0, 20]}}
    header["X"] = {"dtype": "F32", "shape": [90, 3], "data_offsets": [20, 20 + rows.nbytes]}
    text = json.dumps(header).encode()
    (tmp_path / "rows.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body + rows.tobytes())
    np.testing.assert_array_equal(datasets.load_embeddings(tmp_path / "rows.safetensors", key="X"), rows)
    with pytest.raises(ValueError, match=r"must hold numbers of F64, .* in f8; got 'F8_E4M3'"):
        datasets.load_embeddings(tmp_path / "rows.safetensors", key="f8")


def test_class_names_of_a_file(tmp_path):
    np.savez(tmp_path / "rows.npz", X=X, y=Y, classes=["ant", "bee", "cat"])
    assert datasets.load(tmp_path / "rows.npz").class_names == ("ant", "bee", "cat")
    for classes in (["ant", "bee"], [[1]], [1, 2, 3]):  # which are no names of these
        np.savez(tmp_path / "rows.npz", X=X, y=Y, classes=classes)
        assert datasets.load(tmp_path / "rows.npz").class_names == ()


def test_hdf5_that_somebody_writes(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "rows.h5").write_bytes(b"")

    def locked(*_):
        raise BlockingIOError(11, "Unable to synchronously open file (unable to lock file, errno = 11)")

    monkeypatch.setattr(h5py, "File", locked)
    with pytest.raises(ValueError, match=r"rows.h5 must not be open elsewhere for writing; it is locked"):
        datasets.load_embeddings(tmp_path / "rows.h5")


TEXT_FILES = {
    "y.txt": "{}\n",
    "windows.txt": "{}\r\n",
    "y.csv": "{}\n",
    "head.csv": "{},0.5\n",
    "index.csv": "7,{}\n",
    "semicolons.csv": "7;{}\n",
    "y.tsv": "x\t{}\n",
}
HEADS = {"head.csv": "label,score\n", "index.csv": ",Label\n", "semicolons.csv": "id;class\n", "y.tsv": "path\ttarget\n"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", TEXT_FILES)
def test_labels_in_text(tmp_path, name, encoding):
    np.save(tmp_path / "rows.npy", X)
    kinds = {
        "integers": Y,
        "negative": -Y,
        "unsigned": Y.astype(np.uint64) + 2**63,
        "words": np.array(["ämse", "bee\u2028x", "cat and dog"])[Y],
        "padded": np.array(["007", "7", "+7"])[Y],
        "apart": np.array(["1_0", "10", "1.0"])[Y],
        "long": np.array([str(10**30), str(10**30 + 1), "0"])[Y],
    }
    for labels in kinds.values():
        for end in ("", "\n", " \n\n"):
            lines = HEADS.get(name, "") + "".join(TEXT_FILES[name].format(label) for label in labels)
            (tmp_path / name).write_bytes((lines.rstrip("\r\n") + end).encode(encoding))
            found = rows_and_labels(datasets.load(tmp_path / "rows.npy", labels=tmp_path / name, split="last"))[1]
            assert found == labels.tolist()


def test_columns_of_labels_by_name(tmp_path):
    np.save(tmp_path / "rows.npy", X)
    lines = ["file,species,label", *(f"f,{name},{number}" for name, number in zip(NAMES, Y, strict=True))]
    (tmp_path / "y.csv").write_text("\n".join(lines), encoding="utf-8")
    check(datasets.load(tmp_path / "rows.npy", labels=tmp_path / "y.csv"))
    data = check(datasets.load(tmp_path / "rows.npy", labels=tmp_path / "y.csv", label_key="species"), X, NAMES)
    assert data.taken == "features: rows.npy; labels: species of y.csv"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("y.txt", "0\n\n" + "1\n" * 88, "y.txt must hold a label for each row; that of row 1 is missing"),
        ("y.txt", "0\nnan\n" + "1\n" * 88, "that of row 1 is nan"),
        ("y.csv", "label\n0\nNA\n" + "1.5\n" * 88, "that of row 1 is NA"),
        ("y.csv", "label,b\n0\n", "y.csv must hold 2 cells in each line, as in its first; line 2 holds 1"),
        ("y.csv", "a,b\n0,1\n", r"y.csv must hold one column, or its label_key must be given; its first line is \['a', 'b'\]"),
        ("y.csv", 'label\n"0\n', "y.csv is damaged"),
        ("y.txt", "0\n" * 89, r"y.txt must be 1-D with one label for each of the 90 rows of rows.npy; got shape \(89,\)"),
        ("y.txt", "", r"y.txt must be 1-D .*; got shape \(0,\)"),
        ("y.txt", "a\0b\n", "y.txt must be text in UTF-8, or in UTF-16 with its mark; it holds zeros"),
        ("y.txt", "é\n".encode("latin-1"), "y.txt must be text in UTF-8"),
    ],
)
def test_text_that_is_no_labels(tmp_path, name, content, words):
    np.save(tmp_path / "rows.npy", X)
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=words):
        datasets.load(tmp_path / "rows.npy", labels=tmp_path / name)


def test_text_takes_the_type_of_the_other_labels(tmp_path):
    np.save(tmp_path / "rows.npy", X)
    np.save(tmp_path / "names.npy", Y.astype(str))
    (tmp_path / "y.txt").write_text("\n".join(map(str, Y)), encoding="utf-8")
    (tmp_path / "words.txt").write_text("\n".join(["ant", *map(str, Y[:-1])]), encoding="utf-8")
    np.save(tmp_path / "y.npy", Y)
    for other, kind in (("y.npy", "i"), ("y.txt", "i"), ("names.npy", "U"), ("words.txt", "U")):
        data = datasets.load(
            tmp_path / "rows.npy", labels=tmp_path / other, test=tmp_path / "rows.npy", test_labels=tmp_path / "y.txt"
        )
        assert (data.train_labels.dtype.kind, data.test_labels.dtype.kind) == (kind, kind)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_tensors_as_dino_writes_them(tmp_path, torch):
    parts = {"trainfeat": X[:60], "trainlabels": Y[:60], "testfeat": X[60:], "testlabels": Y[60:]}
    (tmp_path / "dino").mkdir()
    for name, part in parts.items():
        torch.save(torch.from_numpy(part), tmp_path / "dino" / f"{name}.pth")
    place = {name: tmp_path / "dino" / f"{name}.pth" for name in parts}
    options = {"labels": place["trainlabels"], "test": place["testfeat"], "test_labels": place["testlabels"]}
    for data in (datasets.load(place["trainfeat"], **options), datasets.load(tmp_path / "dino")):
        np.testing.assert_array_equal(data.train, X[:60])
        np.testing.assert_array_equal(data.test_labels, Y[60:])
    assert data.name == "dino"


def test_tensors_together(tmp_path, torch):
    rows, labels = torch.from_numpy(X), torch.from_numpy(Y)
    for saved in ({"features": rows, "labels": labels, "epoch": 3}, [rows, labels], (rows, labels[:, None])):
        torch.save(saved, tmp_path / "rows.pt")
        check(datasets.load(tmp_path / "rows.pt"))
    torch.save({"X": rows.bfloat16().requires_grad_(), "y": labels.int()}, tmp_path / "rows.pt")
    data = check(datasets.load(tmp_path / "rows.pt"), rows.bfloat16().float().numpy())
    assert data.train.dtype == np.float32


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_tensors_that_are_none(tmp_path, torch):
    rows = torch.from_numpy(X)
    for saved, words in (
        ({"X": Canary(tmp_path / "canary")}, "must be a file that torch.save wrote, of plain tensors"),
        ({"X": rows.to_sparse()}, "must (hold dense tensors in X; it holds Tensor|be a file that torch.save wrote)"),
        ({"X": 3}, "must hold dense tensors in X; it holds int"),
        ("text", "must hold dense tensors; it holds str"),
        ({"X": torch.zeros(1, 1).expand(1 << 40, 1 << 10)}, "states an array of shape"),
        ([list(range(1 << 20))], "must describe its tensors in 1048576 bytes"),
    ):
        torch.save(saved, tmp_path / "rows.pt")
        with pytest.raises(ValueError, match=rf"rows.pt {words}"):
            datasets.load_embeddings(tmp_path / "rows.pt")
    assert not (tmp_path / "canary").exists()
    torch.save(rows, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.save(rows, tmp_path / "rows.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "rows.pt").read_bytes()[:-30])
    for name in ("old.pt", "cut.pt"):
        with pytest.raises(ValueError, match=f"{name} must be a whole file of torch.save, in its format since torch 1.6"):
            datasets.load_embeddings(tmp_path / name)


def test_tensors_without_torch(tmp_path, monkeypatch):
    (tmp_path / "rows.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"rows.pth holds tensors, which needs torch: pip install torch"):
        datasets.load_embeddings(tmp_path / "rows.pth")
