"""What the linear classifiers are compared with: NumPy, torch and scikit-learn, each as its users would write it."""

import numpy as np

from deeprob_fast.bench.numpy_search import Array


def numpy_gradient(loss: str, W: Array, X: Array, y: Array) -> tuple[float, Array]:
    """Compute the mean loss and its gradient with two matrix products and work in place."""
    numbers = np.arange(len(y))
    scores = X @ W
    if loss == "softmax":
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        value = -np.log(scores[numbers, y]).mean()
        scores[numbers, y] -= 1
    else:
        scores -= scores[numbers, y][:, None] - 1
        scores[numbers, y] = 0
        np.maximum(scores, 0, out=scores)
        value = scores.sum() / len(y)
        np.greater(scores, 0, out=scores, casting="unsafe")
        scores[numbers, y] = -scores.sum(axis=1)
    scores /= len(y)
    return float(value), X.T @ scores


def torch_gradient(loss: str, W: Array, X: Array, y: Array) -> tuple[float, Array]:
    """Let torch derive the gradient."""
    import torch

    weights = torch.from_numpy(W).requires_grad_()
    scores = torch.from_numpy(X) @ weights
    labels = torch.from_numpy(y)
    if loss == "softmax":
        value = torch.nn.functional.cross_entropy(scores, labels)
    else:  # MultiMarginLoss divides by the number of classes
        value = torch.nn.functional.multi_margin_loss(scores, labels) * W.shape[1]
    value.backward()
    return value.item(), weights.grad.numpy()
