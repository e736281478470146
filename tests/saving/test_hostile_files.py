"""Files that are damaged, foreign or malicious: ValueError, and nothing in them is executed."""

import copy
import io
import json
import os
import pickle
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deeprob_fast as df
from deeprob_fast.saving.containers import CONTAINERS, Content, digest
from tests.examples import blobs
from tests.saving.models import ALL_FILES, ARRAY_FILES, assert_same_classifier, linear


def written(suffix, tmp_path):
    model = df.KNeighborsClassifier().fit(*blobs(n=30)) if suffix == ".skops" else linear()
    df.save(model, tmp_path / f"m{suffix}")
    return model, (tmp_path / f"m{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", ALL_FILES)
def test_files_that_are_cut(tmp_path, suffix):
    _, data = written(suffix, tmp_path)
    path = tmp_path / f"cut{suffix}"
    for length in (0, 1, 7, 8, 9, *range(20, len(data), len(data) // 40), len(data) - 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=rf"cut{suffix} must be a whole {suffix} file"):
            df.load(path)


@pytest.mark.parametrize("suffix", ALL_FILES)
def test_bytes_that_are_changed_are_found_or_change_nothing(tmp_path, suffix):
    x, _ = blobs(seed=3)
    model, data = written(suffix, tmp_path)
    path = tmp_path / f"changed{suffix}"
    rng = np.random.default_rng(0)
    found = 0
    n_places = 30 if suffix == ".skops" else 150  # which takes long to read
    places = [*rng.choice(len(data), n_places, replace=False), *range(len(data) - n_places, len(data))]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        try:
            loaded = df.load(path)
        except ValueError:
            found += 1
        else:
            assert_same_classifier(loaded, model, x)
    assert found > len(places) / 4


@pytest.mark.parametrize("suffix", ALL_FILES)
@pytest.mark.parametrize(
    "data", [b"", b"nonsense" * 9, pickle.dumps([1]), b"PK\x05\x06" + 18 * b"\0", b"\x02" + 7 * b"\0" + b"{}"]
)
def test_files_of_other_kinds(tmp_path, data, suffix):
    path = tmp_path / f"other{suffix}"
    path.write_bytes(data)
    empty = {".npz": b"PK\x05\x06", ".safetensors": b"\x02\0"}.get(suffix)
    if empty and data.startswith(empty):
        assert df.load(path) == {}
    else:
        with pytest.raises(ValueError, match=rf"other{suffix} must be a whole {suffix} file"):
            df.load(path)


@pytest.mark.parametrize("suffix", ALL_FILES)
def test_a_file_under_the_name_of_another_kind(tmp_path, suffix):
    for other in set(ALL_FILES) - {suffix}:
        _, data = written(other, tmp_path)
        (tmp_path / f"as{suffix}").write_bytes(data)
        with pytest.raises(ValueError, match=rf"as{suffix} must be a whole {suffix} file"):
            df.load(tmp_path / f"as{suffix}")


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_pickles_are_not_executed(tmp_path):
    marker = tmp_path / "marker"
    bomb = np.array([Bomb(marker)], dtype=object)
    pickle.loads(pickle.dumps(bomb))
    assert marker.exists()  # it would go off
    marker.rmdir()
    np.savez(tmp_path / "m.npz", W=bomb)
    for suffix in ALL_FILES:
        (tmp_path / f"raw{suffix}").write_bytes(pickle.dumps(bomb))
    with zipfile.ZipFile(tmp_path / "m.skops", "w") as file:
        buffer = io.BytesIO()
        np.save(buffer, bomb, allow_pickle=True)
        file.writestr("1.npy", buffer.getvalue())
        array = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy", "file": "1.npy"}
        file.writestr("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.16.0", **array}))
    for path in sorted(tmp_path.glob("*.*")):
        with pytest.raises(ValueError, match="must be a whole"):
            df.load(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("os", "mkdir", "TypeNode"),
        ("operator", "methodcaller", "OperatorFuncNode"),
        ("functools", "partial", "PartialNode"),
        ("subprocess", "Popen", "ConstructorFromReduceNode"),
        ("deeprob_fast.linear.classifiers", "Trainer", "ObjectNode"),
    ],
)
def test_untrusted_types_are_named_and_not_made(tmp_path, module, name, loader):
    """A file as skops writes it, with another type in the place of a parameter."""
    marker = tmp_path / "marker"
    data = io.BytesIO(skops.io.dumps(df.LinearSVM()))
    with zipfile.ZipFile(data) as file:
        schema = json.loads(file.read("schema.json"))
    none: dict[str, Any] = {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": "null",
        "is_json": True,
    }
    arguments: dict[str, Any] = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode"}
    arguments["content"] = [{**none, "content": json.dumps(str(marker))}]
    content: dict[str, Any] = arguments
    if loader == "PartialNode":
        mkdir = {"__class__": "mkdir", "__module__": "os", "__loader__": "FunctionNode"}
        empty: dict[str, Any] = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}}
        empty["key_types"] = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
        content = {"func": mkdir, "args": arguments, "kwds": empty, "namespace": none}
    node = {"__class__": name, "__module__": module, "__loader__": loader, "content": content, "attrs": arguments}
    schema["content"]["content"]["schedule"] = node
    with zipfile.ZipFile(tmp_path / "m.skops", "w") as file:
        file.writestr("schema.json", json.dumps(schema))
    with pytest.raises(ValueError, match=rf"m.skops must be a whole .* it holds types that are not trusted: .*{module}.{name}"):
        df.load(tmp_path / "m.skops")
    assert not marker.exists()


def test_estimators_only(tmp_path):
    for thing in ([1, 2], {"a": 1}, np.zeros(3)):
        (tmp_path / "m.skops").write_bytes(skops.io.dumps(thing))
        with pytest.raises(ValueError, match="it holds no estimator, but "):
            df.load(tmp_path / "m.skops")


def tampered(model, **changes):
    for name, value in changes.items():
        setattr(model, name, value)
    return skops.io.dumps(model)


def test_estimators_that_do_not_hang_together(tmp_path):
    x, y = blobs(n=30)
    path = tmp_path / "m.skops"
    for changes in (
        {"_labels": np.arange(30)},
        {"_labels": y[:20]},
        {"_labels": y.astype(np.float64)},
        {"_labels": y - 1},
        {"index_": df.LinearSVM()},
        {"n_samples_fit_": 99},
        {"n_features_in_": 99},
    ):
        path.write_bytes(tampered(df.KNeighborsClassifier().fit(x, y), **changes))
        with pytest.raises(ValueError, match="do not fit together"):
            df.load(path)
    for changes in (
        {"coef_": np.zeros((2, 6))},
        {"coef_": np.zeros((3, 6), dtype=np.int64)},
        {"intercept_": np.zeros(4)},
        {"_weights": np.zeros((3, 6))},
        {"classes_": np.array([0, 2, 1])},
        {"classes_": [0, 1, 2]},
        {"n_features_in_": 7},
        {"_trainer": StandardScaler()},
    ):
        path.write_bytes(tampered(linear(), **changes))
        with pytest.raises(ValueError, match="do not fit together"):
            df.load(path)
    path.write_bytes(
        skops.io.dumps(
            make_pipeline(
                StandardScaler(), skops.io.loads(path.read_bytes(), trusted=skops.io.get_untrusted_types(data=path.read_bytes()))
            )
        )
    )
    with pytest.raises(ValueError, match="do not fit together"):
        df.load(path)


@pytest.mark.parametrize(
    "model", [df.KNeighborsClassifier(), df.LinearSVM(), StandardScaler()], ids=lambda model: type(model).__name__
)
def test_estimators_that_lack_a_parameter(tmp_path, model):
    name = max(model.get_params())
    damaged = make_pipeline(copy.copy(model))
    del vars(damaged[0])[name]
    (tmp_path / "m.skops").write_bytes(skops.io.dumps(damaged))
    with pytest.raises(ValueError, match=rf"m.skops must be a whole .* has no attribute '{name}'"):
        df.load(tmp_path / "m.skops")


@pytest.mark.parametrize("suffix", ARRAY_FILES)
@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("class",), "Popen", "it is of class 'Popen'; known are SoftmaxClassifier, LinearSVM"),
        (("class",), "Training", "unexpected keyword"),
        (("format",), 2, "it is of format 2; this version reads 1"),
        (("parameters", "gamma"), 3, "unexpected keyword argument 'gamma'"),
        (("parameters",), 3, "has no attribute"),
        (("strings", "classes_", "width"), 10**9, "labels of 1000000000 characters"),
        (("strings", "classes_", "values"), ["b", "a"], "do not fit together"),
        (("numbers", "n_features_in_"), 10**6, "do not fit together"),
    ],
)
def test_descriptions_with_a_digest_of_their_own(tmp_path, place, value, message, suffix):
    """Whoever writes a file can write its digest as well."""
    path = tmp_path / f"m{suffix}"
    df.save(linear(), path)
    content = CONTAINERS[suffix].read(io.BytesIO(path.read_bytes()))
    description = json.loads(content.strings["deeprob_fast"])
    *above, last = place
    inner = description
    for name in above:
        inner = inner[name]
    inner[last] = value
    text = json.dumps(description)
    strings = {"deeprob_fast": text, "sha256": digest(content.arrays, text)}
    path.write_bytes(CONTAINERS[suffix].write(Content(content.arrays, strings)))
    with pytest.raises(ValueError, match=rf"m{suffix} must be a whole .*{message}"):
        df.load(path)
    path.write_bytes(CONTAINERS[suffix].write(Content(content.arrays, {"deeprob_fast": text})))
    with pytest.raises(ValueError, match="sha256"):
        df.load(path)


def test_npz_members_that_claim_more_than_there_is(tmp_path):
    path = tmp_path / "m.npz"
    member = io.BytesIO()
    np.save(member, np.zeros(2))
    for shape in ("(1<<40,)", "(99999999999,)", "(1,)", "(-1,)", "(2, 2)"):
        old, new = b"(2,), }".ljust(30), f"{shape}, }}".encode().ljust(30)
        assert old in member.getvalue()
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("W.npy", member.getvalue().replace(old, new))
        with pytest.raises(ValueError, match=r"m.npz must be a whole .npz file"):
            df.load(path)
    np.savez(path, names=np.array(["a", "b"]))
    with pytest.raises(ValueError, match=r"it holds an array of <U1 and shape \(2,\); expected numbers"):
        df.load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match=r"it holds 'readme.txt', which is no array"):
        df.load(path)


@pytest.mark.parametrize("suffix", ARRAY_FILES)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("W", np.zeros(3)),
        ("W", np.zeros((2, 2), dtype=np.int64)),
        ("loss_history", np.zeros((2, 2))),
        ("val_losses", np.zeros(5)),
        ("best_epoch", "1"),
        ("best_epoch", None),
        ("diverged_at", 1.5),
        ("stopped_early", 1),
    ],
)
def test_trainings_that_are_none(tmp_path, name, value, suffix):
    training = df.train(*blobs(n=30), learning_rate=0.1, n_epochs=2)
    df.save(replace(training, **{name: value}), tmp_path / f"t{suffix}")
    with pytest.raises(ValueError, match=rf"t{suffix} must be a whole .* do not fit together"):
        df.load(tmp_path / f"t{suffix}")


def test_what_could_not_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("deeprob_fast.saving.records.LONGEST_JSON", 500)
    for suffix in ARRAY_FILES:
        with pytest.raises(ValueError, match=r"model must be described, .*, in at most 500 bytes"):
            df.save(linear(), tmp_path / f"m{suffix}")
    monkeypatch.setattr("deeprob_fast.saving.schemas._LONGEST_SCHEMA", 500)
    with pytest.raises(TypeError, match=r"model must consist of .*: its schema must have at most 500 bytes"):
        df.save(linear(), tmp_path / "m.skops")
    assert list(tmp_path.iterdir()) == []
