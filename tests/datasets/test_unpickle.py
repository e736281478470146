"""Pickles are read as data: what they hold comes out, what they would do does not happen."""

import builtins
import os
import pickle
import pickletools
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprob_fast.datasets._unpickle import PickledArray, unpickle

DTYPES = ("u1", "i1", "<i2", ">i4", "<i8", "?", "<f2", "<f4", ">f8", "S3", "<U2")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def plain(value):
    """The same with real arrays."""
    if isinstance(value, PickledArray):
        return value.array
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return type(value)(map(plain, value)) if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays(protocol, dtype):
    array = np.arange(12).reshape(3, 4).astype(dtype)
    for form in (array, np.asfortranarray(array), array[::2, 1:], array[0], array[:0]):
        found = plain(unpickle(pickle.dumps(form, protocol), "f"))
        np.testing.assert_array_equal(found, form)
        assert found.dtype == form.dtype


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_other_values(protocol):
    value = {
        "a": [1, -5, 10**30, 2.5, True, None],
        "b": ("x", "\u00e9", b"bytes"),
        "c": {1: [], (): {}},
        "d": [2**40, 300, 70000],
    }
    assert unpickle(pickle.dumps(value, protocol), "f") == value
    assert unpickle(pickle.dumps([np.int64(7), np.float32(0.5), np.bool_(True)], protocol), "f") == [7, 0.5, True]


def test_what_python_2_and_old_numpy_wrote():
    """Protocol 2, bytes as str, and NumPy's modules under their old names."""
    state = b"(K\x01K\x02K\x02\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state + b"\x89U\x04\x00\x7f\x80\xfftb"
    )
    content = b"\x80\x02}(U\x04data" + array + b"U\x06labels]K\x03au."
    found = plain(unpickle(content, "f"))
    np.testing.assert_array_equal(found["data"], np.array([[0, 127], [128, 255]], np.uint8))
    assert found["labels"] == [3]


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class State:
    def __init__(self, state):
        self.__dict__.update(state)


CALLS = {
    "system": Call(os.system, "touch CANARY"),
    "eval": Call(builtins.eval, "open('CANARY', 'w')"),
    "exec": Call(builtins.exec, "open('CANARY', 'w')"),
    "open": Call(open, "CANARY", "w"),
    "popen": Call(subprocess.Popen, ["touch", "CANARY"]),
    "getattr": Call(getattr, os, "sep"),
    "import": Call(__import__, "antigravity"),
    "memory": Call(bytearray, 1 << 62),
    "zeros": Call(bytes, 1 << 62),
    "numpy loader": Call(np.load, "CANARY"),
    "numpy file": Call(np.fromfile, "CANARY"),
    "object": State({"a": 1}),
    "type": int,
    "nested": {"data": [1, (Call(os.system, "touch CANARY"),)]},
    "in an array": np.array([Call(os.system, "touch CANARY")], dtype=object),
    "object dtype": np.dtype("O"),
    "structured dtype": np.zeros(2, dtype=[("a", "u1")]),
    "datetime": np.array(["2020-01-01"], dtype="M8[D]"),
    "matrix": np.ma.zeros(3),
    "frozen set": frozenset([1]),
    "large text": np.zeros(0, "U99999"),
    "complex": 1j,
    "slice": slice(3),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_executed(tmp_path, monkeypatch, name, protocol):
    monkeypatch.chdir(tmp_path)
    try:
        content = pickle.dumps(CALLS[name], protocol)
    except TypeError:
        pytest.skip("not for this protocol")
    with pytest.raises(ValueError, match=r"^file must be a pickle of arrays, numbers, strings, lists, sets and dicts: it "):
        unpickle(content, "file")
    assert list(tmp_path.iterdir()) == []
    assert "antigravity" not in sys.modules


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
BY_HAND = {
    "inst": b"(S'touch CANARY'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'touch CANARY'\no.",
    "persistent": b"Pname\n.",
    "persistent on the stack": b"U\x04nameQ.",
    "extension": b"\x82\x01.",
    "dotted": b"\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
    "dotted module": b"cnumpy.core.multiarray._reconstruct\n__globals__\n.",
    "name of another module": b"cnumpy._core_\ndtype\n.",
    "call of a token": b"cnumpy\nndarray\n)R.",
    "state for a token": b"cnumpy\nndarray\n}b.",
    "attributes for a function": RECONSTRUCT + b"N}U\x08__code__Ns\x86b.",
    "attributes for a number": b"K\x01}U\x01aK\x01sb.",
    "subclass": RECONSTRUCT + b"(K\x01K\x00\x85U\x01btR.",
    "new": b"cnumpy\nndarray\n)\x81.",
    "memo far away": b"K\x01r\xff\xff\xff\x7f.",
    "memo far away in text": b"K\x01p99999999999999\n.",
    "memo below zero": b"K\x01p-1\n.",
    "memo that is empty": b"h\x05.",
    "long bytes": b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "long bytearray": b"\x96\xff\xff\xff\xff\xff\xff\xff\x0f.",
    "long text": b"X\xff\xff\xff\xff.",
    "long frame": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fK\x01.",
    "number of many digits": b"I" + b"9" * 5000 + b"\n.",
    "other encoding": b"c_codecs\nencode\nU\x01aU\x05rot13\x86R.",
    "empty": b"",
    "only an end": b".",
    "two pickles": b"K\x01.K\x01.",
    "nothing on the stack": b"t.",
    "protocol of the future": b"\x80\x7fK\x01.",
    "not a pickle": b"\x89PNG\r\n\x1a\n",
    "unhashable": b"}]]s.",
    "itself": b"]q\x00h\x00ah\x00\x85R.",
}


@pytest.mark.parametrize("name", BY_HAND)
def test_pickles_written_by_hand(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"^file must be a pickle of"):
        unpickle(BY_HAND[name], "file")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 22
    assert list(tmp_path.iterdir()) == []


def test_text_is_not_multiplied():
    text = b"X" + (1 << 16).to_bytes(4, "little") + b"a" * (1 << 16) + b"q\x00"
    once = b"c_codecs\nencode\nq\x01h\x00U\x06latin1\x86R"
    again = b"h\x01h\x00U\x06latin1\x86R"
    assert unpickle(b"\x80\x02(" + text + once + b"t.", "f")[1] == b"a" * (1 << 16)
    with pytest.raises(ValueError, match="it encodes other text than its own bytes"):
        unpickle(b"\x80\x02(" + text + once + 1000 * again + b"t.", "f")


@pytest.mark.parametrize("shape", [(2, 2), (5,), (-1, -5), (5, 1, 0), (2**62, 4), (5,) + (1,) * 32, (5.0,), (True, 5), "5", None])
def test_shapes_that_do_not_fit_the_bytes(shape):
    function = np.arange(4, dtype=np.uint8).__reduce__()[0]

    class Array:
        def __reduce__(self):
            return function, (np.ndarray, (0,), b"b"), (1, shape, np.dtype("u1"), False, b"12345")

    content = pickle.dumps(Array(), 2)
    if repr(shape) == "(5,)":
        assert plain(unpickle(content, "f")).tolist() == list(b"12345")
    else:
        with pytest.raises(ValueError, match="f must be a pickle of"):
            unpickle(content, "f")


@pytest.mark.parametrize("order", "<>")
def test_text_that_is_no_unicode(order):
    content = pickle.dumps({"test_split": np.array([0x110000], f"{order}u4").view(f"{order}U1")}, 4)
    with pytest.raises(ValueError, match=r"f must be a pickle of .*: it holds text that is no Unicode"):
        unpickle(content, "f")


def test_what_may_stand_in_several_places():
    """Numbers, strings, dtypes and short tuples of them are written once by Python too."""
    shape, name = (32, 32, 3), "a name of some length"
    value = {"shapes": [shape] * 9, "names": [name] * 9, name: {shape: name}, "arrays": [np.zeros(2), np.ones(2)]}
    for protocol in PROTOCOLS:
        found = plain(unpickle(pickle.dumps(value, protocol), "f"))
        assert found["shapes"] == [shape] * 9
        assert found[name] == {shape: name}
        assert found["arrays"][1].tolist() == [1, 1]
    for container in ([1], {1: 2}, {1}, (1, (2,))):
        with pytest.raises(ValueError, match="it holds a list, set, dict or nested tuple in two places"):
            unpickle(pickle.dumps([container, container], 4), "f")


WHOLE = pickle.dumps({"data": np.arange(30, dtype=np.uint8).reshape(5, 6), "labels": [0, 1, 2, 3, 4]}, 2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cut_everywhere(protocol):
    whole = pickle.dumps(plain(unpickle(WHOLE, "f")), protocol)
    edges = [position or 0 for _, _, position in pickletools.genops(whole)]
    for size in range(len(whole)):
        with pytest.raises(ValueError, match="f must be a pickle of"):
            unpickle(whole[:size], "f")
    for size in edges[:-1]:
        try:
            unpickle(whole[:size] + b".", "f")  # a whole pickle of something less
        except ValueError as error:
            assert "f must be a pickle of" in str(error)  # noqa: PT017  # both ends are allowed


@given(st.data())
def test_damaged_anywhere(data):
    whole = bytearray(pickle.dumps(plain(unpickle(WHOLE, "f")), data.draw(st.sampled_from(PROTOCOLS))))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        unpickle(bytes(whole), "f")
    except ValueError as error:
        assert "f must be a pickle of" in str(error)  # noqa: PT017  # both ends are allowed


@given(st.binary(max_size=60))
def test_any_bytes(content):
    try:
        unpickle(content, "f")
    except ValueError as error:
        assert "f must be a pickle of" in str(error)  # noqa: PT017  # both ends are allowed
