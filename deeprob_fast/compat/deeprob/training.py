"""`linear_classifier.py` of DeepRob's first project: the functions."""

from deeprob_fast import _scalars
from deeprob_fast.compat._arrays import Arrays, like
from deeprob_fast.compat._descent import LossFunction, descend, draw, examples, normal_weights
from deeprob_fast.compat._linear import best_classes


def sample_batch(X: Arrays, y: Arrays, num_train: int, batch_size: int) -> tuple[Arrays, Arrays]:
    """Draw examples with replacement.

    Parameters
    ----------
    X : array or tensor, shape (N, D)
    y : array or tensor of int, shape (N,)
    num_train : int
        Of the first so many examples.
    batch_size : int

    Returns
    -------
    X_batch : array or tensor, shape (batch_size, D)
    y_batch : array or tensor of int, shape (batch_size,)

    Raises
    ------
    ValueError
        If there are fewer examples than num_train, or not one label for each.

    Notes
    -----
    One call of `torch.randint` for tensors, so `torch.manual_seed` means the batches of the course; of `np.random.randint` for
    arrays, which `np.random.seed` seeds.

    Examples
    --------
    >>> import numpy as np
    >>> X_batch, y_batch = sample_batch(np.eye(3), np.array([0, 1, 2]), 3, 5)
    >>> X_batch.shape, bool((X_batch.argmax(axis=1) == y_batch).all())
    ((5, 3), True)
    """
    X, y = examples(X, y)
    num_train = _scalars.check_integer("num_train", num_train, 1, len(X), "the number of examples")
    batch_size = _scalars.check_integer("batch_size", batch_size, 1, 2**31, "a number of examples")
    chosen = draw(X, num_train, batch_size)
    return X[chosen], y[chosen]


def train_linear_classifier(
    loss_func: LossFunction,
    W: Arrays | None,
    X: Arrays,
    y: Arrays,
    learning_rate: float = 1e-3,
    reg: float = 1e-5,
    num_iters: int = 100,
    batch_size: int = 200,
    verbose: bool = False,
) -> tuple[Arrays, list[float]]:
    """Train a linear classifier by stochastic gradient descent.

    Parameters
    ----------
    loss_func : callable
        loss_func(W, X_batch, y_batch, reg) returns the loss and its gradient.
    W : array or tensor, shape (D, C), or None
        To start from; it is not changed. None: 1e-6 times normal numbers, of the kind and dtype of X.
    X : array or tensor, shape (N, D)
    y : array or tensor of int, shape (N,)
    learning_rate, reg : float
    num_iters, batch_size : int
    verbose : bool
        Whether to print the loss of every hundredth step.

    Returns
    -------
    W : array or tensor, shape (D, C)
    loss_history : list of float
        The loss of each batch, before the update.

    Raises
    ------
    ValueError
        If a shape does not fit, or a value is not finite or out of its range.
    TypeError
        If y does not hold integers, an array no real numbers, or loss_func cannot be called.

    Notes
    -----
    The weights and the batches are drawn in the order of the course, from the generators of `sample_batch`. With a loss of this
    module all steps are taken in one compiled loop, and printed behind it; that sums in another order than step after step,
    so results agree but for rounding. A training that diverges there stops: losses behind the first that is not finite are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from deeprob_fast.compat.deeprob import svm_loss_vectorized
    >>> X, y = np.array([[-1.0, 1.0], [1.0, 1.0]]), np.array([0, 1])
    >>> W, loss_history = train_linear_classifier(svm_loss_vectorized, None, X, y, learning_rate=0.1, num_iters=50)
    >>> predict_linear_classifier(W, X), len(loss_history)
    (array([0, 1]), 50)
    """
    start = normal_weights(X, y, 1e-6) if W is None else W
    return descend(
        loss_func,
        start,
        X,
        y,
        learning_rate=learning_rate,
        reg=reg,
        num_iters=num_iters,
        batch_size=batch_size,
        verbose=verbose,
    )


def predict_linear_classifier(W: Arrays, X: Arrays) -> Arrays:
    """Predict the class of the highest score of X W.

    Parameters
    ----------
    W : array or tensor, shape (D, C)
    X : array or tensor, shape (N, D)

    Returns
    -------
    array or tensor of int64, shape (N,)
        Of the kind of X. Of equal scores the first class.

    Raises
    ------
    ValueError
        If a shape does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> predict_linear_classifier(np.array([[1.0, -1.0]]), np.array([[2.0], [-2.0]]))
    array([0, 1])
    """
    return like(X, best_classes(W, X))
