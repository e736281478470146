"""Trainings and optima that ours are compared with: NumPy, torch and scikit-learn, each as its users would write it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeprob_fast.bench.numpy_search import Array


def numpy_training(
    X: Array, y: Array, batches: Sequence[Array], n_classes: int, rate: float, momentum: float, reg: float = 0.0,
    loss: str = "softmax", dtype: Any = np.float32,
) -> Array:  # fmt: skip
    """Train by the momentum form of PyTorch; returns the weights, with a row of biases."""
    W = np.zeros((X.shape[1], n_classes), dtype=dtype)
    bias = np.zeros(n_classes, dtype=dtype)
    velocity, bias_velocity = np.zeros_like(W), np.zeros_like(bias)
    for batch in batches:
        rows, labels = X[batch], y[batch]
        numbers = np.arange(len(batch))
        scores = rows @ W
        scores += bias
        if loss == "softmax":
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
            scores[numbers, labels] -= 1
        else:
            scores -= scores[numbers, labels][:, None] - 1
            scores[numbers, labels] = 0
            np.greater(scores, 0, out=scores, casting="unsafe")
            scores[numbers, labels] = -scores.sum(axis=1)
        scores /= len(batch)
        gradient = rows.T @ scores
        if reg:
            gradient += 2 * reg * W
        velocity *= momentum
        velocity += gradient
        W -= rate * velocity
        bias_velocity *= momentum
        bias_velocity += scores.sum(axis=0)
        bias -= rate * bias_velocity
    return np.vstack([W, bias])


def torch_training(
    X: Array, y: Array, batches: Sequence[Array], n_classes: int, rate: float, momentum: float, dtype: Any = np.float32
) -> Array:
    """Train torch's own linear layer by torch's own SGD."""
    import torch

    rows, labels = torch.from_numpy(X), torch.from_numpy(y)
    layer = torch.nn.Linear(X.shape[1], n_classes, dtype=torch.from_numpy(np.empty(0, dtype)).dtype)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=rate, momentum=momentum)
    for batch in map(torch.from_numpy, batches):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(layer(rows[batch]), labels[batch]).backward()
        optimizer.step()
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return np.vstack([weight.T, bias])


def sklearn_optimum(X: Array, y: Array, C: float, tol: float = 1e-6) -> Any:  # noqa: N803  # scikit-learn's
    """Fit scikit-learn's logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, tol=tol, max_iter=10000).fit(X, y)


def sklearn_path(X: Array, y: Array, values: Sequence[float]) -> list[tuple[Array, Array]]:
    """Fit it for one C after the other, each from the solution before."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(tol=1e-6, max_iter=10000, warm_start=True)
    found = []
    for value in values:
        model.set_params(C=value).fit(X, y)
        found.append((model.coef_.copy(), model.intercept_.copy()))
    return found


def sklearn_sgd(X: Array, y: Array, epochs: int) -> Any:
    """Fit scikit-learn's SGDClassifier for a number of epochs."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SGDClassifier(max_iter=epochs, tol=None, n_jobs=-1, random_state=0).fit(X, y)
