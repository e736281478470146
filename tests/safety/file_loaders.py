"""Everything that reads files of others, called as a user would, and what came of it: run in processes of their own."""

import os
import resource
import signal
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

import deeprob_fast as df
from deeprob_fast import datasets
from deeprob_fast.compat import deeprob
from deeprob_fast.datasets import _cifar10

ALLOWED = (ValueError, OSError, TypeError)
TOO_LARGE = "when it is read into memory"  # a MemoryError that says so is no accident
MEGABYTE = 1 << 20
CIFAR_RECORDS = 2  # of each file, in tests


def used(array):
    """Touch all of an array."""
    np.asarray(array).tobytes()


def load_embeddings(path):
    used(datasets.load_embeddings(path))


def load_data(path):
    data = datasets.load(path)
    used(data.train)
    used(data.test)
    assert data.n_classes >= 0


def load_either(path):
    """Load a file as a data set and as embeddings; it must be fit for one of them."""
    with suppress(ValueError):
        load_data(path)
    load_embeddings(path)


def load_copied(path):
    datasets.load_embeddings(path, mmap=False)


def convert(path):
    datasets.convert_embeddings(path, path.with_name("converted.npy"))


def load_labels(path):
    rows = path.with_name("rows.npy")
    np.save(rows, np.zeros((40, 2), dtype=np.float32))
    used(datasets.load(rows, labels=path).train_labels)


def load_cifar10(path):
    _cifar10._N_RECORDS = CIFAR_RECORDS
    used(datasets.load_cifar10(path).train)


def load_props(path):
    data = datasets.load_props(path, verify=False)
    used(data.train)
    assert len(data.groups.tolist()) == len(data.train)


def load_model(path):
    model = df.load(path)
    n_features = getattr(model, "n_features_in_", None)
    if hasattr(model, "predict") and isinstance(n_features, int):
        with suppress(ValueError, TypeError):  # which cannot name the file any more
            model.predict(np.zeros((3, min(n_features, 1000))))


def load_index(path):
    index = df.KNNIndex.load(path, n_threads=1)
    with suppress(ValueError):
        index.search(np.asarray(index.train[:9]), 2)


def load_weights(path):
    classifier = deeprob.Softmax()
    classifier.load(path)
    used(classifier.W)


def _crash(_):
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang(_):
    while True:
        pass


def _wrong(_):
    raise KeyError(_)


def _dumb(_):
    raise ValueError


def _greed(_):
    bytearray(1 << 30)


LOADERS = {
    # Whether the watch sees what it watches for.
    "test crash": _crash,
    "test hang": _hang,
    "test wrong": _wrong,
    "test dumb": _dumb,
    "test greed": _greed,
    "embeddings": load_embeddings,
    "copied": load_copied,
    "mapped": datasets.load_embeddings,
    "data": load_data,
    "either": load_either,
    "convert": convert,
    "labels": load_labels,
    "cifar10": load_cifar10,
    "props": load_props,
    "model": load_model,
    "index": load_index,
    "weights": load_weights,
}


def peak_memory(reset=False):
    """Return the largest memory of this process in MB since the last reset, which some systems do not allow."""
    if reset:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    with Path("/proc/self/status").open(encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def limit_memory(n_bytes):
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    n_bytes = n_bytes if most == resource.RLIM_INFINITY else min(n_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def attempt(loader, path, seconds):
    """Load a file; the process ends, without a word, when it takes longer."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    before = peak_memory(reset=True)
    outcome, message = "loaded", ""
    start = time.perf_counter()
    signal.alarm(seconds)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            LOADERS[loader](Path(path))
    except ALLOWED as error:
        outcome, message = "refused", f"{type(error).__name__}: {error}"
        if not str(error):
            outcome = "escaped"
    except MemoryError as error:
        outcome, message = "refused" if TOO_LARGE in str(error) else "escaped", f"MemoryError: {error}"
    except BaseException as error:  # noqa: BLE001  # whatever it is, it should not be
        outcome, message = "escaped", f"{type(error).__name__}: {error}"
    signal.alarm(0)
    spent = time.perf_counter() - start
    return {"outcome": outcome, "message": message[:2000], "seconds": spent, "megabytes": peak_memory() - before}
