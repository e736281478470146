"""Models in files that ask for more time or memory than their bytes, and names of files behind which there is no file."""

import gzip
import io
import json
import os
import socket
import struct
import zipfile

import numpy as np

import deeprob_fast as df
from tests.datasets.image_files import write_files
from tests.safety.bombs import Member, bomb, deflated_zeros, npy_header, npy_text, safetensors_text, sparse, stored, zipped

GIGABYTE = 1 << 30


@bomb("model", "m.npz", "it states 'W.npy' of 4294967424 bytes")
def model_of_four_gigabytes_of_zeros(path):
    start = npy_header((1 << 30,))
    path.write_bytes(zipped(Member("W.npy", deflated_zeros(4 * GIGABYTE, start), 4 * GIGABYTE + len(start))))


@bomb("weights", "w.pt", "states 'W.npy' of 4294967424 bytes")
def weights_of_four_gigabytes_of_zeros(path):
    start = npy_header((1 << 15, 1 << 15))
    path.write_bytes(zipped(Member("W.npy", deflated_zeros(4 * GIGABYTE, start), 4 * GIGABYTE + len(start))))


@bomb("model", "m.npz", "its header must have at most 10000 bytes")
def model_with_a_long_header(path):
    path.write_bytes(zipped(stored("W.npy", npy_text(b" " * (1 << 20)))))


@bomb("model", "m.npz", "it must hold 34359738496 bytes in W.npy; it states 128")
def model_of_numbers_that_are_not_there(path):
    path.write_bytes(zipped(stored("W.npy", npy_header((1 << 33,)))))


@bomb("model", "m.npz", "its description must not be nested so deep")
def model_with_a_deep_description(path):
    path.write_bytes(zipped(stored("deeprob_fast.json", b'{"a name of some length":' * 200_000)))


@bomb("model", "m.npz", "its description must have at most")
def model_with_a_description_of_a_gigabyte(path):
    path.write_bytes(zipped(Member("deeprob_fast.json", deflated_zeros(GIGABYTE - 1), GIGABYTE - 1)))


@bomb("model", "m.npz", "must be a whole .npz file")
def model_of_a_terabyte_of_nothing(path):
    sparse(path, b"PK\3\4", (1 << 34) + (1 << 20))


@bomb("model", "m.safetensors", "takes 1099511627776 bytes when it is read into memory")
def model_of_a_terabyte_of_tensors(path):
    sparse(path, safetensors_text(b"{}"), 1 << 40)


@bomb("model", "m.safetensors", "its header must have at most")
def model_with_a_header_of_100_megabytes(path):
    sparse(path, struct.pack("<Q", 99_999_999), 100_000_007)


def _skops(words):
    """Note a function that returns the members of a file, or changes the schema of a whole one."""

    def note(make):
        def whole(path):
            import skops.io

            with zipfile.ZipFile(io.BytesIO(skops.io.dumps(df.LinearSVM()))) as archive:
                schema = json.loads(archive.read("schema.json"))
            members = make(schema) or [stored("schema.json", json.dumps(schema).encode())]
            path.write_bytes(zipped(*members))

        whole.__name__ = make.__name__
        return bomb("model", "m.skops", words)(whole)

    return note


def _list(number, content):
    return {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": content, "__id__": number}


@_skops("it states 'schema.json' of 3221225472 bytes")
def estimator_with_a_schema_of_three_gigabytes(_):
    return [Member("schema.json", deflated_zeros(3 * GIGABYTE), 3 * GIGABYTE)]


@_skops("its schema must have at most 33554432 bytes; it has 1000000000")
def estimator_with_a_schema_of_a_gigabyte(_):
    return [Member("schema.json", deflated_zeros(10**9), 10**9)]


@_skops("its schema must not be nested so deep")
def estimator_with_a_deep_schema(_):
    return [stored("schema.json", (b"[" + b" " * 19) * 1_000_000)]


@_skops("its schema must have at most 1687516 lists and dicts")
def estimator_with_a_schema_of_many_values(_):
    return [stored("schema.json", b"[" + b"[]," * 9_000_000 + b"[]]")]


@_skops("it must consist of at most 262144 objects; it has 2199023255")
def estimator_of_a_trillion_lists(schema):
    """Each holds the one before and its number, which stands for it again."""
    value = _list(1, [])
    for number in range(2, 42):
        value = _list(number, [value, {**_list(number - 1, []), "content": []}])
    schema["content"]["content"]["schedule"] = value


@_skops("an object in it is a part of itself")
def estimator_that_is_a_part_of_itself(schema):
    schema["content"]["content"]["schedule"] = _list(1, [_list(2, [_list(1, [])])])


@_skops("its objects must be numbered; it has the number 1.0")
def estimator_whose_numbers_are_none(schema):
    schema["content"]["content"]["schedule"] = {**_list(1, []), "__id__": 1.0}


@_skops("its arrays take .* bytes, as some stand in several places")
def estimator_of_one_array_many_times(schema):
    array = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy", "file": "1.npy"}
    schema["content"]["content"]["schedule"] = _list(1, [{**array, "__id__": number} for number in range(100, 300)])
    start, n_bytes = npy_header((1 << 20,)), 1 << 24
    packed = deflated_zeros(n_bytes - len(start), start)
    schema["content"]["content"]["schedule"]["content"] *= 1
    return [stored("schema.json", json.dumps(schema).encode()), Member("1.npy", packed, n_bytes)]


@_skops("'1.npy' must have 34359738496 bytes; it has 128")
def estimator_of_numbers_that_are_not_there(_):
    return [stored("schema.json", b"{}"), stored("1.npy", npy_header((1 << 33,)))]


@_skops("it states 'data.npy' of 4294967424 bytes")
def estimator_of_a_sparse_matrix_that_unpacks_to_gigabytes(_):
    start = npy_header((1 << 30,))
    inner = zipped(Member("data.npy", deflated_zeros(4 * GIGABYTE, start), 4 * GIGABYTE + len(start)))
    return [stored("schema.json", b"{}"), stored("1.npz", inner)]


SUFFIXES = {
    "embeddings": (".npy", ".npz", ".safetensors", ".fbin", ".fvecs", ".h5", ".parquet"),
    "model": (".npz", ".safetensors", ".skops"),
    "labels": (".npy", ".txt"),
    "weights": (".pt",),
}


def _socket(path):
    place = os.open(path.parent, os.O_RDONLY)  # as the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{place}/{path.name}")
    os.close(place)


NO_FILES = {
    "pipe": (os.mkfifo, "must be a regular file; it is a pipe"),
    "zeros": (lambda path: path.symlink_to("/dev/zero"), "must be a regular file; it is a device"),
    "folder": (lambda path: path.mkdir(), "must be a regular file; it is a directory"),
    "circle": (lambda path: path.symlink_to(path.name), "there is none of that name|Too many levels of symbolic links"),
    "socket": (_socket, "must be a regular file; it is a socket"),
}


for loader, suffixes in SUFFIXES.items():
    for suffix in suffixes:
        for kind, (write, words) in NO_FILES.items():

            def _write(path, write=write):
                write(path)

            _write.__name__ = f"{kind} for {loader} in {suffix}"
            bomb(loader, f"{kind}{suffix}", words)(_write)


@bomb("data", "idx", "must hold train-images-idx3-ubyte")
def pipe_among_idx_files(folder):
    write_files(folder, {"train-labels-idx1-ubyte.gz": gzip.compress(np.zeros(3, np.uint8).tobytes())})
    os.mkfifo(folder / "train-images-idx3-ubyte")
