"""Where a named data set is: a given folder, a folder of data sets, the system's, or the cache of downloads."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from deeprob_fast._atomic import replacing
from deeprob_fast._files.refusal import one_line
from deeprob_fast._optional import require
from deeprob_fast._scalars import check_path

if TYPE_CHECKING:
    from io import BufferedRandom

ENVIRONMENT = "DEEPROB_FAST_DATA"
_ARCHIVE = ".tar.gz"
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Remote:
    """A file that can be downloaded, from any of several addresses."""

    name: str
    sha256: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """How to find a data set.

    Attributes
    ----------
    name : str
    what : str
        What its files are called in messages.
    signs : tuple of str
        Paths of files; a folder in which one of them lies holds the data set.
    places : tuple of str
        Where it may lie in the folder DEEPROB_FAST_DATA.
    by_hand : str
        How a person gets it.
    system : Path, optional
        Where the operating system's package puts it.
    files : tuple of Remote
        What a download brings; empty where no address is known that serves the files to programs.
    """

    name: str
    what: str
    signs: tuple[str, ...]
    places: tuple[str, ...]
    by_hand: str
    system: Path | None = None
    files: tuple[Remote, ...] = ()


def _signed(source: Source, folder: Path) -> Path | None:
    """Return the folder of the files, or the archive, that lies at or under a path."""
    if folder.is_file():
        return folder if any(sign.endswith(_ARCHIVE) for sign in source.signs) else None
    for sign in source.signs:
        if (folder / sign).is_file():
            return folder / sign if sign.endswith(_ARCHIVE) else (folder / sign).parent
    return None


def _cache(source: Source) -> Path:
    return Path(require("pooch", "datasets").os_cache("deeprob_fast")) / source.name


def find(source: Source) -> Path | None:
    """Return where a data set lies: in DEEPROB_FAST_DATA, in the system's folder or among the downloads; None if nowhere."""
    folders = []
    if os.environ.get(ENVIRONMENT):
        folders += [Path(os.environ[ENVIRONMENT]) / place for place in source.places]
    if source.system is not None:
        folders.append(source.system)
    for folder in folders:
        if (path := _signed(source, folder)) is not None:
            return path
    if not source.files:
        return None
    try:
        cache = _cache(source)
    except ModuleNotFoundError:  # without pooch nothing was downloaded
        return None
    # An interrupted download leaves some of the files.
    return _signed(source, cache) if all((cache / remote.name).is_file() for remote in source.files) else None


def how_to_get(source: Source) -> str:
    """Say in one sentence all the ways to a data set."""
    places = " or ".join("the folder itself" if place == "." else f"{place}/" for place in source.places)
    ways = [f"give their folder, set {ENVIRONMENT} to a folder in which they lie ({places})"]
    if source.files:
        ways.append(f"download them (`deeprob-fast data download {source.name}`, or download=True)")
    return f"{', '.join(ways)}, {source.by_hand}"


def locate(source: Source, folder: str | Path | None, *, download: bool = False) -> Path:
    """Return the folder or archive of a data set.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    if folder is not None:
        path = check_path("folder", folder)
        place = _signed(source, path)
        if place is None and not path.is_dir():
            msg = f"{path} must be the folder of the {source.what} ({source.by_hand.removeprefix('or ')})"
            raise FileNotFoundError(msg)
        if place is None:
            held = one_line(", ".join(sorted(entry.name for entry in path.iterdir())) or "nothing")
            msg = f"{path} must hold {' or '.join(source.signs)}; it holds {held}"
            raise FileNotFoundError(msg)
        return place
    if (place := find(source)) is not None:
        return place
    if download:
        return fetch(source)
    msg = f"the {source.what} were not found: {how_to_get(source)}"
    raise FileNotFoundError(msg)


def fetch(source: Source) -> Path:
    """Download a data set into the cache, where it is not there already, and return where it lies.

    Raises
    ------
    FileNotFoundError
        If no address of it is known.
    OSError
        If no address could be reached.
    ValueError
        If what came is not the file that is known.
    """
    if not source.files:
        msg = f"no address serves the {source.what} to programs: {how_to_get(source)}"
        raise FileNotFoundError(msg)
    cache = _cache(source)
    for remote in source.files:
        _fetch_file(remote, cache)
    place = _signed(source, cache)
    assert place is not None  # the signs name the files
    return place


def _fetch_file(remote: Remote, cache: Path) -> None:
    pooch = require("pooch", "datasets")
    path = cache / remote.name
    if path.is_file() and pooch.file_hash(path) == remote.sha256:
        return
    cache.mkdir(parents=True, exist_ok=True)
    failures: list[OSError | ValueError] = []
    for url in remote.urls:
        pooch.get_logger().info("Downloading %s to %s", url, path)
        try:
            # Not pooch.retrieve, whose unfinished files nobody removes once the process is killed.
            with replacing(path) as file:
                pooch.HTTPDownloader(chunk_size=_CHUNK_BYTES)(url, file, None)
                _check_sum(file, remote.sha256)
        except (OSError, ValueError) as error:
            failures.append(error)
        else:
            return
    kind = OSError if all(isinstance(error, OSError) for error in failures) else ValueError
    reasons = "; ".join(f"{url}: {error}" for url, error in zip(remote.urls, failures, strict=True))
    msg = f"{remote.name} could not be downloaded: {reasons}"
    raise kind(msg)


def _check_sum(file: BinaryIO, expected: str) -> None:
    file.seek(0)
    if (digest := hashlib.file_digest(cast("BufferedRandom", file), "sha256").hexdigest()) != expected:
        msg = f"what came must have the SHA256 sum {expected}; it has {digest}"
        raise ValueError(msg)
