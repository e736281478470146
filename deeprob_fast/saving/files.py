"""Models in files without pickle."""

import os
from pathlib import Path
from typing import Any

from deeprob_fast._atomic import replacing
from deeprob_fast._files.budget import check_memory
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import reason
from deeprob_fast._memory import is_mapped_from
from deeprob_fast.saving.containers import CONTAINERS
from deeprob_fast.saving.records import pack, unpack

_ESTIMATORS = ".skops"
_SUFFIXES = (_ESTIMATORS, *CONTAINERS)


def _check_path(path: str | os.PathLike[str]) -> Path:
    checked = Path(path)
    if checked.suffix not in _SUFFIXES:
        msg = f"path must end in one of {', '.join(_SUFFIXES)}; got {os.fspath(path)!r}"
        raise ValueError(msg)
    return checked


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to a file that holds data only, no code.

    Parameters
    ----------
    model : estimator, Training, array or dict of arrays
    path : path
        Its suffix says what is written. ".skops": an estimator of this library or a pipeline of them and scikit-learn's own
        (needs skops). ".safetensors" (needs safetensors) or ".npz": a fitted SoftmaxClassifier or LinearSVM, a Training, an
        array of weights or a dict of arrays. An existing file is replaced when the new one is complete.

    Returns
    -------
    None

    Raises
    ------
    ValueError
        If the suffix is another one, a classifier is not fitted, its labels and names of features take more than 8 MB, or the
        file is that from which an array is mapped.
    TypeError
        If the model, or something in it, cannot be written into such a file.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Reads the file.
    KNNIndex.save : An index that is opened without reading it.

    Notes
    -----
    Loaded estimators predict with the same bits. A linear classifier that is loaded goes on with `partial_fit` from its weights,
    but with an optimizer that starts anew. Indices of nearest neighbours are written as their rows and prepared again.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import deeprob_fast as df
    >>> model = df.LinearSVM(random_state=0).fit([[0.0], [1.0]], ["no", "yes"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     df.save(model, Path(folder) / "model.npz")
    ...     str(df.load(Path(folder) / "model.npz").predict([[0.9]])[0])
    'yes'
    """
    target = _check_path(path)
    if target.suffix == _ESTIMATORS:
        from deeprob_fast.saving import estimators

        data = estimators.dump(model)
    else:
        content = pack(model)
        if any(is_mapped_from(array, target) for array in content.arrays.values()):
            msg = f"path must not be the file from which an array of the model is mapped; got {os.fspath(path)!r}"
            raise ValueError(msg)
        data = CONTAINERS[target.suffix].write(content)
    with replacing(target) as file:
        file.write(data)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a file that `save` wrote, or arrays that others wrote. Nothing in the file is executed.

    Parameters
    ----------
    path : path
        With the suffix ".skops", ".safetensors" or ".npz".

    Returns
    -------
    estimator, Training or dict of arrays
        An array that was saved alone is "W" of a dict.

    Raises
    ------
    ValueError
        If the suffix is another one, or the file is damaged, truncated, of another format, no regular file, unpacks to more
        than 1 GB and 128 times its size, or holds types other than the estimators of this library, scikit-learn's, and plain
        data.
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Writes the file.

    Notes
    -----
    Files of `save` carry checksums: changed bytes of weights are found. They do not tell who wrote the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     df.save(np.eye(2), Path(folder) / "weights.npz")
    ...     df.load(Path(folder) / "weights.npz")["W"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    source = _check_path(path)
    with open_regular(source) as file:
        check_memory(source, regular_size(source))
        try:
            if source.suffix == _ESTIMATORS:
                from deeprob_fast.saving import estimators

                return estimators.read(file)
            return unpack(CONTAINERS[source.suffix].read(file))
        except ImportError:
            raise
        except Exception as error:
            msg = f"{source} must be a whole {source.suffix} file as deeprob_fast.save writes it: {reason(error)}"
            raise ValueError(msg) from error
