"""`cs231n/classifiers/linear_classifier.py`."""

from abc import ABC, abstractmethod
from functools import partial

from deeprob_fast.compat._arrays import Arrays, like
from deeprob_fast.compat._descent import LossFunction, descend, normal_weights
from deeprob_fast.compat._linear import best_classes, softmax_loss_vectorized, svm_loss_vectorized


class LinearClassifier(ABC):
    """Base of the linear classifiers; a subclass gives the loss, of its own weights.

    Attributes
    ----------
    W : array or tensor, shape (D, C), or None
        None before training.
    """

    def __init__(self) -> None:
        self.W: Arrays | None = None

    @abstractmethod
    def loss(self, X_batch: Arrays, y_batch: Arrays, reg: float) -> tuple[Arrays, Arrays]:
        """Return the loss of a batch under `W`, and its gradient."""

    def train(
        self,
        X: Arrays,
        y: Arrays,
        learning_rate: float = 1e-3,
        reg: float = 1e-5,
        num_iters: int = 100,
        batch_size: int = 200,
        verbose: bool = False,
    ) -> list[float]:
        """Train `W` by stochastic gradient descent, from where it is, else from 0.001 times normal numbers.

        Parameters
        ----------
        X : array or tensor, shape (N, D)
        y : array or tensor of int, shape (N,)
            0 <= y < C.
        learning_rate, reg : float
        num_iters, batch_size : int
            Batches are drawn with replacement, from NumPy's global generator as `np.random.choice` draws (tensors: from
            PyTorch's).
        verbose : bool
            Whether to print the loss of every hundredth step.

        Returns
        -------
        list of float
            The loss of each batch, before the update.

        Raises
        ------
        ValueError
            If a shape does not fit, or a value is not finite or out of its range.

        Notes
        -----
        All steps are taken in one compiled loop unless a subclass brings its own `loss`.
        """
        self.W = normal_weights(X, y, 0.001) if self.W is None else self.W
        self.W, history = descend(
            self._loss_function(),
            self.W,
            X,
            y,
            learning_rate=learning_rate,
            reg=reg,
            num_iters=num_iters,
            batch_size=batch_size,
            verbose=verbose,
        )
        return history

    def _loss_function(self) -> LossFunction:
        """Return the loss as a function of the weights too."""
        return partial(_loss_at, self)

    def predict(self, X: Arrays) -> Arrays:
        """Predict the class of the highest score of X W; of equal ones the first.

        Parameters
        ----------
        X : array or tensor, shape (N, D)

        Returns
        -------
        array or tensor of int64, shape (N,)

        Raises
        ------
        ValueError
            If a shape does not fit, or there are no weights yet.
        """
        if self.W is None:
            msg = "W must be trained first; it is None"
            raise ValueError(msg)
        return like(X, best_classes(self.W, X))


def _loss_at(model: LinearClassifier, W: Arrays, X: Arrays, y: Arrays, reg: float) -> tuple[Arrays, Arrays]:
    """Return a classifier's own loss at other weights, which it takes over, as it does in the course's loop."""
    model.W = W
    return model.loss(X, y, reg)


class LinearSVM(LinearClassifier):
    """Linear classifier with the multiclass hinge loss."""

    def loss(self, X_batch: Arrays, y_batch: Arrays, reg: float) -> tuple[Arrays, Arrays]:
        """Return `svm_loss_vectorized` of `W`."""
        return svm_loss_vectorized(self.W, X_batch, y_batch, reg)

    def _loss_function(self) -> LossFunction:
        return svm_loss_vectorized if type(self).loss is LinearSVM.loss else super()._loss_function()


class Softmax(LinearClassifier):
    """Linear classifier with the softmax loss."""

    def loss(self, X_batch: Arrays, y_batch: Arrays, reg: float) -> tuple[Arrays, Arrays]:
        """Return `softmax_loss_vectorized` of `W`."""
        return softmax_loss_vectorized(self.W, X_batch, y_batch, reg)

    def _loss_function(self) -> LossFunction:
        return softmax_loss_vectorized if type(self).loss is Softmax.loss else super()._loss_function()
