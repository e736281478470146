"""Files of the image data sets, byte for byte as their formats are documented."""

import gzip
import io
import pickle
import struct
import tarfile

import numpy as np

SCENES = {"cracker_box_2": 3, "cracker_box_10": 2, "mug_1": 4, "mug_12": 1, "master_chef_can_1": 2}  # name: number of images
CLASSES = {"master_chef_can": 0, "cracker_box": 1, "mug": 8}
HELD_OUT = ["mug_12", "master_chef_can_1"]


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_files(seed=0, n_train=5, n_test=3, size=(28, 28)):
    rng = np.random.default_rng(seed)
    files = {}
    for part, n in (("train", n_train), ("t10k", n_test)):
        files[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (n, *size), dtype=np.uint8))
        files[f"{part}-labels-idx1-ubyte"] = idx(rng.integers(0, 10, n, dtype=np.uint8))
    return files


def cifar_files(n_records, seed=0):
    """Return the six files, and the images (n, 3, 32, 32) and labels of each."""
    rng = np.random.default_rng(seed)
    files, contents = {}, {}
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        records = rng.integers(0, 256, (n_records, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        files[name] = records.tobytes()
        contents[name] = (records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0])
    return files, contents


def scenes(seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: {
            "data": rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8),
            "labels": [CLASSES[name.rpartition("_")[0]]] * n,
        }
        for name, n in SCENES.items()
    }


def props_files(protocol=4, made=None):
    files = {f"{name}.pkl": pickle.dumps(scene, protocol) for name, scene in (made or scenes()).items()}
    return files | {"meta.pkl": pickle.dumps({"test_split": HELD_OUT, "version": 1}, protocol)}


def write_files(folder, files, *, zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(content) if zipped else content)
    return folder


def tar_bytes(folder, files, change=None):
    """Return a tar archive, uncompressed; `change` alters each member's header."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        directory = tarfile.TarInfo(folder)
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            if change is not None:
                change(member)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
