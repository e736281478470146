"""Embeddings in files, of which memory holds what is used only."""

from pathlib import Path

import numpy as np

from deeprob_fast._atomic import replacing, write_array
from deeprob_fast._files.refusal import refuse
from deeprob_fast._scalars import check_path
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats import open_arrays
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._parts import check_matrix, features_of, labels_of


def load_embeddings(path: str | Path, *, key: str | None = None, mmap: bool = True) -> AnyArray:
    """Open a matrix in a file, mapped into memory where its format allows it.

    Parameters
    ----------
    path : path
        `.npy`, `.npz`, `.safetensors`, `.fbin`, `.u8bin`, `.i8bin`, `.fvecs`, `.bvecs`, `.hdf5`, `.h5` or `.parquet`. It must not
        change while the array is in use.
    key : str, optional
        Name of the array, where the file has several; by default the one that is called as features are (X, train, embeddings,
        ...), or else the only matrix, or the columns of numbers of a Parquet file, labels not among them.
    mmap : bool
        Map the array, read-only: opening reads next to nothing, and what is used stays in memory only while there is room.
        Compressed arrays (`.npz`, chunked HDF5, Parquet) and bfloat16, which becomes float32, are read all the same.

    Returns
    -------
    array, shape (n_rows, n_features)
        In the dtype of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, of another format, no regular file, or holds no such matrix of real numbers.
    MemoryError
        If the array is to be read, not mapped, and is larger than the memory of the machine.
    ModuleNotFoundError
        If the file is HDF5 or Parquet, and h5py or pyarrow is not installed.

    See Also
    --------
    convert_embeddings : Writes any of these files as `.npy`.

    Notes
    -----
    Nothing in a file is executed: pickled objects are refused. Memory for an array is taken only if the size of the file is in
    keeping with it: what is packed may become 1 GB, and beyond that 128 times the size of its file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "rows.npy"
    ...     np.save(path, np.ones((3, 2)))
    ...     rows = df.datasets.load_embeddings(path)
    >>> rows.shape
    (3, 2)
    """
    return open_matrix(check_path("path", path), key).array(mmap=mmap)


def convert_embeddings(source: str | Path, target: str | Path, *, key: str | None = None) -> None:
    """Write a matrix of any file that `load_embeddings` opens as an `.npy` file, which can be mapped.

    Memory holds one block of rows at a time (one chunk or row group of the source where these are larger; all of an array in
    Fortran order in an `.npz` file).

    Parameters
    ----------
    source : path
    target : path
        Ends in `.npy`. An existing file is replaced when the new one is complete; it may be the source.
    key : str, optional
        Name of the array, as for `load_embeddings`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the source is damaged or holds no such matrix, or the target has another name.
    OSError
        If the target cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, target = pathlib.Path(folder) / "rows.npz", pathlib.Path(folder) / "rows.npy"
    ...     np.savez_compressed(source, X=np.ones((3, 2)))
    ...     df.datasets.convert_embeddings(source, target)
    ...     rows = np.load(target)
    >>> rows.tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    target = check_path("target", target)
    if target.suffix.lower() != ".npy":
        raise refuse(target, f"must end in .npy; it ends in {target.suffix or 'nothing'}")
    matrix = open_matrix(check_path("source", source), key)
    dtype = matrix.dtype.newbyteorder("<")
    with replacing(target) as file:
        header = {"descr": dtype.str, "fortran_order": False, "shape": matrix.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for block in matrix.blocks():
            write_array(file, np.asarray(block, dtype=dtype))


def open_matrix(path: Path, key: str | None = None) -> Stored:
    """Open the array of that name, or the one that can be meant; it must be a matrix of real numbers."""
    arrays = open_arrays(path)
    others = [] if key is not None or (labels := labels_of(path, arrays)) is None else [labels]
    return check_matrix(features_of(path, arrays, key, others))
