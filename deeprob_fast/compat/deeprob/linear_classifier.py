"""`linear_classifier.py` of DeepRob's first project: the classes, and the search of their settings."""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast.compat import _saved
from deeprob_fast.compat._arrays import Arrays, read, torch_if_imported
from deeprob_fast.compat._knn import check_labels
from deeprob_fast.compat._linear import softmax_loss_vectorized, svm_loss_vectorized
from deeprob_fast.compat.deeprob.training import predict_linear_classifier, train_linear_classifier


class LinearClassifier(ABC):
    """Base of the linear classifiers; a subclass gives the loss.

    Attributes
    ----------
    W : array or tensor, shape (D, C), or None
        None before training.

    Notes
    -----
    As in the course, a new classifier seeds the global generators with 0: that of `random`, PyTorch's where it is imported,
    and NumPy's.
    """

    def __init__(self) -> None:
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002  # batches of arrays come from it
        torch: Any = torch_if_imported()
        if torch is not None:
            torch.manual_seed(0)
        self.W: Arrays | None = None

    @staticmethod
    @abstractmethod
    def loss(W: Arrays, X: Arrays, y: Arrays, reg: float) -> tuple[Arrays, Arrays]:
        """Return the loss of a batch and its gradient; a subclass may make it a method."""

    def train(
        self,
        X_train: Arrays,
        y_train: Arrays,
        learning_rate: float = 1e-3,
        reg: float = 1e-5,
        num_iters: int = 100,
        batch_size: int = 200,
        verbose: bool = False,
    ) -> list[float]:
        """Train `W`, from where it is, by `train_linear_classifier`; return the losses."""
        self.W, loss_history = train_linear_classifier(
            self.loss, self.W, X_train, y_train, learning_rate, reg, num_iters, batch_size, verbose
        )
        return loss_history

    def predict(self, X: Arrays) -> Arrays:
        """Predict classes by `predict_linear_classifier`."""
        return predict_linear_classifier(self._trained(), X)

    def save(self, path: str | Path) -> None:
        """Write `W` to exactly this path: as the course does (`torch.save`) if it is a tensor, else as a `.npz` file."""
        _saved.write(Path(path), self._trained())
        print(f"Saved in {path}")  # noqa: T201  # as the course does

    def load(self, path: str | Path) -> None:
        """Read `W` from a file that `save` wrote; for one with a tensor, torch must have been imported."""
        self.W = _saved.read_weights(Path(path))

    def _trained(self) -> Arrays:
        if self.W is None:
            msg = "W must be trained or loaded first; it is None"
            raise ValueError(msg)
        return self.W


class LinearSVM(LinearClassifier):
    """Linear classifier with the multiclass hinge loss, `svm_loss_vectorized`."""

    # The function itself, by which the compiled loop knows it.
    loss = staticmethod(svm_loss_vectorized)


class Softmax(LinearClassifier):
    """Linear classifier with the softmax loss, `softmax_loss_vectorized`."""

    loss = staticmethod(softmax_loss_vectorized)


def svm_get_search_params() -> tuple[list[float], list[float]]:
    """Return learning rates and strengths of the penalty to search for the SVM, on pixels from 0 to 1 less their mean.

    Returns
    -------
    learning_rates, regularization_strengths : list of float

    Examples
    --------
    >>> rates, strengths = svm_get_search_params()
    >>> 5 <= len(rates) * len(strengths) <= 25
    True
    """
    return [1e-3, 3e-3, 1e-2], [1e-5, 1e-3]


def softmax_get_search_params() -> tuple[list[float], list[float]]:
    """Return learning rates and strengths of the penalty to search for softmax, on pixels from 0 to 1 less their mean.

    Returns
    -------
    learning_rates, regularization_strengths : list of float

    Examples
    --------
    >>> rates, strengths = softmax_get_search_params()
    >>> 5 <= len(rates) * len(strengths) <= 25
    True
    """
    return [1e-2, 3e-2, 1e-1], [1e-5, 1e-3]


def test_one_param_set(
    cls: LinearClassifier,
    data_dict: Mapping[str, Arrays],
    lr: float,
    reg: float,
    num_iters: int = 2000,  # noqa: PT028  # not a test, but the course's name
) -> tuple[LinearClassifier, float, float]:
    """Train a classifier with one setting and evaluate it.

    Parameters
    ----------
    cls : LinearClassifier
        An instance; trained in place.
    data_dict : dict
        With X_train, y_train, X_val and y_val.
    lr, reg : float
    num_iters : int
        Steps on batches of 200.

    Returns
    -------
    cls : LinearClassifier
    train_acc, val_acc : float
        As fractions, from 0 to 1.

    Raises
    ------
    ValueError
        If a shape does not fit.
    KeyError
        If data_dict lacks something.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[-1.0, 1.0], [1.0, 1.0]]), np.array([0, 1])
    >>> data_dict = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    >>> test_one_param_set(LinearSVM(), data_dict, 0.1, 0.0, num_iters=50)[1:]
    (1.0, 1.0)
    """
    cls.train(data_dict["X_train"], data_dict["y_train"], lr, reg, num_iters, batch_size=200, verbose=False)
    return cls, _accuracy(cls, data_dict, "train"), _accuracy(cls, data_dict, "val")


def _accuracy(cls: LinearClassifier, data_dict: Mapping[str, Arrays], part: str) -> float:
    predicted = read("y_pred", cls.predict(data_dict[f"X_{part}"]))
    expected = check_labels(f"y_{part}", data_dict[f"y_{part}"], f"X_{part}", len(predicted))
    if not len(expected):
        msg = f"X_{part} must hold at least one example; got none"
        raise ValueError(msg)
    return float(np.mean(predicted == expected))


# Its name is the course's; pytest takes it for a test where a notebook's import brings it in.
test_one_param_set.__test__ = False  # type: ignore[attr-defined]  # functions have no such attribute declared
