"""Stochastic gradient descent of both courses: batches drawn with replacement, w -= learning_rate * gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast.compat._arrays import Arrays, floating_dtype, is_tensor, like, read, torch_if_imported
from deeprob_fast.compat._linear import softmax_loss_vectorized, svm_loss_vectorized
from deeprob_fast.linear.training import train

LossFunction = Callable[[Arrays, Arrays, Arrays, float], tuple[Arrays, Arrays]]

# Our own losses, by their names in the compiled loop.
_COMPILED = ((svm_loss_vectorized, "weston_watkins"), (softmax_loss_vectorized, "softmax"))
_PRINT_EVERY = 100


def draw(like_what: Arrays, n_examples: int, size: int) -> Arrays:
    """Draw row numbers with replacement, from the global generator that the notebooks seed."""
    if is_tensor(like_what):
        torch: Any = torch_if_imported()
        return torch.randint(n_examples, (size,))
    return np.random.randint(0, n_examples, size)  # noqa: NPY002  # notebooks call np.random.seed


def examples(X: Arrays, y: Arrays) -> tuple[Arrays, Arrays]:
    """Return examples, at least one, and a label for each, as arrays or tensors: both can be indexed by row numbers."""
    X, y = (values if is_tensor(values) else _validation.as_numbers(name, values) for name, values in (("X", X), ("y", y)))
    if X.ndim == 0 or len(X) == 0:
        msg = f"X must hold at least one example; got shape {tuple(X.shape)}"
        raise ValueError(msg)
    if y.ndim == 0 or len(y) != len(X):
        msg = f"y must hold one label for each of the {len(X)} rows of X; got shape {tuple(y.shape)}"
        raise ValueError(msg)
    return X, y


def normal_weights(X: Arrays, y: Arrays, scale: float) -> Arrays:
    """Draw weights (D, C) to start from, of the kind and dtype of X, from the global generator that the notebooks seed."""
    rows, labels = read("X", X), read("y", y)
    labels = _validation.check_class_numbers("y", labels, len(_validation.check_rows("X", rows)), 2**31)
    shape, dtype = (rows.shape[1], int(labels.max()) + 1), floating_dtype(rows)
    if is_tensor(X):
        torch: Any = torch_if_imported()
        return scale * torch.randn(*shape, dtype=X.dtype if X.is_floating_point() else torch.float64)
    return np.asarray(scale * np.random.randn(*shape), dtype=dtype)  # noqa: NPY002  # notebooks call np.random.seed


def report(iteration: int, num_iters: int, loss: float) -> None:
    """Print the line of the courses."""
    print(f"iteration {iteration} / {num_iters}: loss {loss:f}")  # noqa: T201  # as the courses do


def descend(
    loss_func: LossFunction,
    W: Arrays,
    X: Arrays,
    y: Arrays,
    *,
    learning_rate: float,
    reg: float,
    num_iters: int,
    batch_size: int,
    verbose: bool,
) -> tuple[Arrays, list[float]]:
    """Train from W, which is left alone; return the new weights and the loss before each update."""
    num_iters = _scalars.check_integer("num_iters", num_iters, 0, 2**31, "a number of steps")
    batch_size = _scalars.check_integer("batch_size", batch_size, 1, 2**31, "a number of examples")
    learning_rate = _scalars.check_real("learning_rate", learning_rate, 0)
    X, y = examples(X, y)
    for course_loss, formula in _COMPILED:
        if loss_func is course_loss:
            return _compiled(formula, W, X, y, learning_rate, reg, num_iters, batch_size, verbose)
    _scalars.check_callable("loss_func", loss_func)
    history: list[float] = []
    for iteration in range(num_iters):
        chosen = draw(X, len(X), batch_size)
        loss, gradient = loss_func(W, X[chosen], y[chosen], reg)
        if np.shape(gradient) != np.shape(W):
            msg = f"loss_func must return a gradient of W's shape, {tuple(np.shape(W))}; got {tuple(np.shape(gradient))}"
            raise ValueError(msg)
        history.append(float(loss))
        W = W - learning_rate * gradient
        if verbose and iteration % _PRINT_EVERY == 0:
            report(iteration, num_iters, history[-1])
    return W, history


def _compiled(
    formula: str,
    W: Arrays,
    X: Arrays,
    y: Arrays,
    learning_rate: float,
    reg: float,
    num_iters: int,
    batch_size: int,
    verbose: bool,
) -> tuple[Arrays, list[float]]:
    """Take all steps in one call."""
    weights, rows, labels = read("W", W), read("X", X), read("y", y)
    batches = [read("batch", draw(X, len(rows), batch_size)) for _ in range(num_iters)]
    history = np.full(num_iters, np.nan)
    final = weights.copy()
    if num_iters:
        training = train(
            rows, labels, loss=formula, reg=reg, learning_rate=learning_rate, initial_weights=weights, batches=batches
        )
        history[: len(training.loss_history)] = training.loss_history
        final = training.W
        if np.isnan(history).any():  # what diverges is no error, unless the examples are to blame
            _validation.check_finite_rows("X", rows)
    for iteration in range(0, num_iters if verbose else 0, _PRINT_EVERY):
        report(iteration, num_iters, history[iteration])
    return like(W, final, floating_dtype(weights)), history.tolist()
