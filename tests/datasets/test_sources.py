"""Where data sets are looked for, and downloads, from a server of our own."""

import dataclasses
import gc
import gzip
import hashlib
import http.server
import logging
import sys
import threading
import warnings
from functools import partial

import pytest

from deeprob_fast import datasets
from deeprob_fast.datasets import _cifar10, _mnist, _props, _sources
from tests.datasets.image_files import cifar_files, idx_files, props_files, tar_bytes, write_files

# requests leaves the socket of a refused download to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Start without any data: no folder of data sets, no system's package, an empty cache, no network."""
    monkeypatch.delenv("DEEPROB_FAST_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    for name in ("MNIST", "FASHION_MNIST"):
        source = getattr(_mnist, name)
        elsewhere = tuple(dataclasses.replace(file, urls=("http://127.0.0.1:9/nothing",)) for file in source.files)
        monkeypatch.setattr(_mnist, name, dataclasses.replace(source, system=None, files=elsewhere))
    monkeypatch.setattr(logging.getLogger("pooch"), "disabled", True)
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


LOADERS = (datasets.load_mnist, datasets.load_fashion_mnist, datasets.load_cifar10, datasets.load_props)


@pytest.mark.parametrize("loader", LOADERS)
def test_the_message_says_all_the_ways(loader):
    with pytest.raises(FileNotFoundError) as caught:
        loader()
    message = str(caught.value)
    assert "were not found: give their folder, set DEEPROB_FAST_DATA to a folder in which they lie (" in message
    assert ("download=True" in message) == (loader is not datasets.load_props)
    ways = {"load_fashion_mnist": "apt install", "load_cifar10": "cs.toronto.edu", "load_props": "deeprob.org"}
    assert ways.get(loader.__name__, "torchvision") in message


@pytest.mark.parametrize(
    ("loader", "place"),
    [
        (datasets.load_mnist, "mnist"),
        (datasets.load_mnist, "MNIST/raw"),
        (datasets.load_fashion_mnist, "fashion-mnist"),
        (datasets.load_fashion_mnist, "FashionMNIST/raw"),
    ],
)
def test_environment_of_idx_files(tmp_path, monkeypatch, loader, place):
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError, match="were not found"):
        loader()
    write_files(tmp_path / "data" / place, idx_files(), zipped=True)
    assert len(loader().train) == 5
    other = datasets.load_fashion_mnist if loader is datasets.load_mnist else datasets.load_mnist
    with pytest.raises(FileNotFoundError, match="were not found"):
        other()


def test_files_of_one_name_are_not_mistaken(tmp_path, monkeypatch):
    """MNIST and Fashion-MNIST have the same file names: in the folder itself nothing says which they are."""
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(write_files(tmp_path / "data", idx_files())))
    for loader in (datasets.load_mnist, datasets.load_fashion_mnist):
        with pytest.raises(FileNotFoundError, match="were not found"):
            loader()


@pytest.mark.parametrize("place", [".", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"])
def test_environment_of_cifar10(tmp_path, monkeypatch, place):
    monkeypatch.setattr(_cifar10, "_N_RECORDS", 1)
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(tmp_path))
    write_files(tmp_path / place, cifar_files(1)[0])
    assert len(datasets.load_cifar10().train) == 5


@pytest.mark.parametrize("place", ["props", "Progress-Objects-Sample"])
def test_environment_of_props(tmp_path, monkeypatch, place):
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(tmp_path))
    write_files(tmp_path / place, props_files())
    assert len(datasets.load_props(verify=False).train) == 9


def test_order(tmp_path, monkeypatch):
    """A given folder, the environment, the system's folder, the cache."""
    places = {"given": 1, "data/mnist": 2, "system": 3, "cache/deeprob_fast/mnist": 4}
    for place, n in places.items():
        write_files(tmp_path / place, idx_files(n_train=n), zipped=True)
    monkeypatch.setattr(_mnist, "MNIST", dataclasses.replace(_mnist.MNIST, system=tmp_path / "system"))
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(tmp_path / "data"))
    assert len(datasets.load_mnist(tmp_path / "given").train) == 1
    assert len(datasets.load_mnist(download=True).train) == 2
    monkeypatch.delenv("DEEPROB_FAST_DATA")
    assert len(datasets.load_mnist().train) == 3
    monkeypatch.setattr(_mnist, "MNIST", dataclasses.replace(_mnist.MNIST, system=None))
    assert len(datasets.load_mnist().train) == 4
    with pytest.raises(FileNotFoundError):
        datasets.load_mnist(tmp_path / "nothing", download=True)


@pytest.fixture
def server(tmp_path):
    """Serve a folder on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def remote(name, content, *urls):
    return _sources.Remote(name, hashlib.sha256(content).hexdigest(), urls)


@pytest.fixture
def served_mnist(server, monkeypatch):
    folder, address = server
    files = {f"{name}.gz": gzip.compress(content) for name, content in idx_files().items()}
    write_files(folder, files)
    # The first address lacks them: mirrors are tried in turn.
    remotes = tuple(remote(name, content, f"{address}/gone/{name}", f"{address}/{name}") for name, content in files.items())
    monkeypatch.setattr(_mnist, "MNIST", dataclasses.replace(_mnist.MNIST, files=remotes))
    return folder


def test_download(tmp_path, served_mnist):
    with pytest.raises(FileNotFoundError, match=r"deeprob-fast data download mnist"):
        datasets.load_mnist()
    assert not (tmp_path / "cache").exists()
    assert len(datasets.load_mnist(download=True).train) == 5
    assert len(list((tmp_path / "cache/deeprob_fast/mnist").iterdir())) == 4
    for path in served_mnist.iterdir():
        path.unlink()
    assert len(datasets.load_mnist().train) == 5  # found again, without asking
    assert _sources.fetch(_mnist.MNIST) == tmp_path / "cache/deeprob_fast/mnist"


def test_another_file_than_the_known_one(tmp_path, served_mnist):
    (served_mnist / "t10k-images-idx3-ubyte.gz").write_bytes(b"<html>consent</html>")
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz could not be downloaded: .*404.*; .*(hash|SHA256)"):
        datasets.load_mnist(download=True)
    assert "t10k-images-idx3-ubyte.gz" not in [path.name for path in (tmp_path / "cache/deeprob_fast/mnist").iterdir()]
    with pytest.raises(FileNotFoundError, match="were not found"):  # some of the files are there; that is not the data set
        datasets.load_mnist()
    (served_mnist / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(OSError, match=r"t10k-images-idx3-ubyte.gz could not be downloaded: .*404.*; .*404"):
        datasets.load_mnist(download=True)


def test_no_server():
    with pytest.raises(OSError, match=r"train-images-idx3-ubyte.gz could not be downloaded: http://127.0.0.1:9/nothing"):
        datasets.load_mnist(download=True)


def test_download_of_an_archive(server, monkeypatch):
    folder, address = server
    monkeypatch.setattr(_cifar10, "_N_RECORDS", 2)
    archive = gzip.compress(tar_bytes("cifar-10-batches-bin", cifar_files(2)[0]))
    (folder / "a").write_bytes(archive)
    files = (remote("cifar-10-binary.tar.gz", archive, f"{address}/a"),)
    monkeypatch.setattr(_cifar10, "CIFAR10", dataclasses.replace(_cifar10.CIFAR10, files=files))
    assert datasets.load_cifar10(download=True).train.shape == (10, 3072)


def test_props_have_no_address():
    with pytest.raises(FileNotFoundError, match=r"no address serves the PROPS files to programs: .* in a browser"):
        _sources.fetch(_props.PROPS)


def test_without_pooch(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(FileNotFoundError, match="were not found"):
        datasets.load_mnist()
    with pytest.raises(ModuleNotFoundError, match=r"this needs pooch: pip install 'deeprob-fast\[datasets\]'"):
        datasets.load_mnist(download=True)


def test_known_sums_are_sums():
    sources = (_mnist.MNIST, _mnist.FASHION_MNIST, _cifar10.CIFAR10)
    sums = [file.sha256 for source in sources for file in source.files]
    assert len(set(sums)) == len(sums) == 9
    assert all(len(bytes.fromhex(known)) == 32 for known in sums)
