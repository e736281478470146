"""Small whole files of every kind that the library reads."""

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import deeprob_fast as df
from deeprob_fast.datasets import _props, _props_arrays
from tests.datasets.image_files import cifar_files, idx_files, props_files, tar_bytes, write_files
from tests.safety.file_loaders import CIFAR_RECORDS

ROWS = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
LABELS = np.arange(40) % 3
WORDS = np.array(["ant", "bee", "cicada"])[LABELS]
FEW = ("master_chef_can_1", "mug_12", "mug_1", "cracker_box_2", "meta")


@dataclass(frozen=True)
class Kind:
    """The files of one kind, how they are loaded, and the one to open, or none for their folder."""

    loader: str
    files: dict[str, bytes]
    opened: str = ""

    def write(self, folder: Path, files: dict[str, bytes]) -> Path:
        write_files(folder, files)
        return folder / self.opened


def _numpy(version, array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def _npz(save, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def _arrays():
    data = {"X": ROWS, "y": LABELS}
    counts = np.array([40, 6], "<u4").tobytes()
    small = ROWS.astype(np.int8)
    files = {
        "rows.npy": ("embeddings", _numpy((1, 0), ROWS)),
        "fortran.npy": ("convert", _numpy((1, 0), np.asfortranarray(ROWS))),
        "swapped.npy": ("embeddings", _numpy((2, 0), ROWS.astype(">f8"))),
        "third.npy": ("embeddings", _numpy((3, 0), ROWS.astype(np.float16))),
        "stored.npz": ("data", _npz(np.savez, **data)),
        "deflated.npz": ("data", _npz(np.savez_compressed, X=np.asfortranarray(ROWS), y=WORDS, other=LABELS)),
        "rows.fbin": ("embeddings", counts + ROWS.tobytes()),
        "rows.u8bin": ("convert", counts + small.tobytes()),
        "rows.i8bin": ("embeddings", counts + small.tobytes()),
        "rows.fvecs": ("embeddings", np.hstack([np.full((40, 1), 6, "<i4"), ROWS.view("<i4")]).tobytes()),
        "rows.bvecs": ("convert", b"".join(b"\6\0\0\0" + row.tobytes() for row in small)),
        "labels.txt": ("labels", "\n".join(WORDS).encode()),
        "labels.npy": ("labels", _numpy((1, 0), WORDS)),
        "weights.pt": ("weights", _npz(np.savez, W=ROWS)),
    }
    return {name: Kind(loader, {name: content}, name) for name, (loader, content) in files.items()}


def _libraries(folder):
    """Return files that other libraries write."""
    import h5py
    import pyarrow as pa
    import safetensors.numpy
    from pyarrow import parquet

    safetensors.numpy.save_file({"X": ROWS, "y": LABELS}, folder / "rows.safetensors", {"made by": "a test"})
    head = b'{"emb":{"dtype":"BF16","shape":[40,6],"data_offsets":[0,480]}}'
    (folder / "half.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + ROWS.tobytes()[:480])
    with h5py.File(folder / "plain.h5", "w") as file:
        file["group/X"], file["y"] = ROWS, WORDS.tolist()
    for name, library, options in (
        ("chunks.h5", "earliest", {"compression": "gzip", "shuffle": True, "fletcher32": True}),
        ("latest.hdf5", "latest", {"compression": "lzf"}),
    ):
        with h5py.File(folder / name, "w", libver=library) as file:
            file.create_dataset("X", data=ROWS, chunks=(8, 4), **options)
            file["y"] = WORDS.astype("S")
    lists = pa.FixedSizeListArray.from_arrays(pa.array(ROWS.ravel()), 6)
    for name, columns, options in (
        ("fixed.parquet", {"v": lists, "y": LABELS}, {}),
        ("lists.parquet", {"v": list(ROWS), "y": WORDS}, {"compression": "zstd", "data_page_version": "2.0"}),
        ("wide.parquet", {"a": ROWS[:, 0], "b": LABELS}, {"compression": "gzip", "row_group_size": 9}),
    ):
        parquet.write_table(pa.table(columns), folder / name, **options)
    names = [path.name for path in folder.iterdir()]
    return {name: Kind("either", {name: (folder / name).read_bytes()}, name) for name in names}


def _images(folder):
    idx, cifar = idx_files(size=(4, 4)), cifar_files(CIFAR_RECORDS)[0]
    props = {protocol: {f"{name}.pkl": props_files(protocol)[f"{name}.pkl"] for name in FEW} for protocol in (2, 4)}
    _props_arrays.write_parts(_props.read_props(write_files(folder / "p", props[4]), verify=False), folder / "npy")
    cifar_tar = gzip.compress(tar_bytes("cifar-10-batches-bin", cifar))
    props_tar = gzip.compress(tar_bytes("Progress-Objects-Sample", props[4]))
    return {
        "idx": Kind("data", idx),
        "idx.gz": Kind("data", {f"{name}.gz": gzip.compress(content) for name, content in idx.items()}),
        "cifar10": Kind("cifar10", cifar),
        "cifar10.tar.gz": Kind("cifar10", {"cifar-10-binary.tar.gz": cifar_tar}),
        "props 2": Kind("props", props[2]),
        "props 4": Kind("props", props[4]),
        "props.tar.gz": Kind("props", {"a.tar.gz": props_tar}, "a.tar.gz"),
        "props.npy": Kind("props", {path.name: path.read_bytes() for path in (folder / "npy").iterdir()}),
    }


def _models(folder):
    """Return models in files, and saved indexes."""
    linear = df.SoftmaxClassifier(random_state=0, max_epochs=3).fit(ROWS, WORDS)
    neighbors = df.KNeighborsClassifier(3).fit(ROWS, LABELS)
    training = df.train(ROWS, LABELS, learning_rate=0.1, n_epochs=2, seed=0)
    for name, model in (
        ("linear.npz", linear),
        ("linear.safetensors", linear),
        ("linear.skops", linear),
        ("neighbors.skops", neighbors),
        ("training.npz", training),
        ("arrays.safetensors", {"a": ROWS, "b": LABELS}),
    ):
        df.save(model, folder / name)
    models = {path.name: Kind("model", {path.name: path.read_bytes()}, path.name) for path in folder.iterdir()}
    rng = np.random.default_rng(1)
    wide = (rng.standard_normal((300, 6)) @ rng.standard_normal((6, 80))).astype(np.float32)
    for name, rows, options in (
        ("dense", ROWS, {"strategy": "dense"}),
        ("integer", ROWS, {"strategy": "integer"}),
        ("boxes", ROWS[:, :3], {"strategy": "boxes"}),
        ("prefix", wide, {"strategy": "prefix"}),
        ("duplicates", np.repeat(ROWS, 4, axis=0), {}),
    ):
        df.KNNIndex(np.ascontiguousarray(rows), n_threads=1, **options).save(folder / name)
        models[name] = Kind("index", {name: (folder / name).read_bytes()}, name)
    return models


def all_kinds(folder):
    """Return them by name; those of libraries are written in a folder."""
    kinds = _arrays()
    for number, make in enumerate((_libraries, _images, _models)):
        place = folder / str(number)
        place.mkdir()
        kinds |= make(place)
    return kinds
