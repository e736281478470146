"""The specification: what each kernel computes, in plain NumPy. The canonical distances are reproduced bit for bit."""

import numpy as np

METRICS = ("euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product")
# Those whose terms are added up, as sums of bytes are.
SUMS = tuple(metric for metric in METRICS if metric != "chebyshev")
DTYPES = ("float32", "float64", "float16", "uint8", "int8")


def lane_sum(terms):
    """Sum the last axis as the canonical distance does: eight strided partial sums, then a fixed tree."""
    n_eights = -(-terms.shape[-1] // 8)
    padded = np.zeros((*terms.shape[:-1], 8 * n_eights))
    padded[..., : terms.shape[-1]] = terms
    lanes = np.add.accumulate(padded.reshape(*terms.shape[:-1], n_eights, 8), axis=-2)[..., -1, :]
    a, b, c, d, e, f, g, h = np.moveaxis(lanes, -1, 0)
    return ((a + e) + (c + g)) + ((b + f) + (d + h))


def directions(rows):
    """Rows of length 1, and of zeros, which have no direction."""
    norm2 = lane_sum(rows * rows)[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        scale = np.where(norm2 < 2.0**-500, 2.0**600, np.where(norm2 > 2.0**500, 2.0**-600, 1.0))
    scaled = rows * scale
    norm = np.sqrt(lane_sum(scaled * scaled))[:, None]
    return scaled * (1 / np.where(norm > 0, norm, np.inf))


def keys(train, queries, metric):
    """Canonical keys, smallest nearest: (n_queries, n_train)."""
    train, queries = np.asarray(train, dtype=np.float64), np.asarray(queries, dtype=np.float64)
    if metric == "cosine":
        train, queries = directions(train), directions(queries)
        missing = ~train.any(axis=1)
    rows = []
    for query in queries:
        if metric in ("euclidean", "sqeuclidean"):
            key = lane_sum((query - train) ** 2)
            key = np.sqrt(key) if metric == "euclidean" else key
        elif metric == "manhattan":
            key = lane_sum(np.abs(query - train))
        elif metric == "chebyshev":
            key = np.abs(query - train).max(axis=1)
        elif metric == "cosine":
            half = np.minimum(lane_sum((query - train) ** 2) / 2, 2.0)
            key = np.where(missing | ~query.any(), 1.0, half)
        else:
            key = -lane_sum(query * train)
        rows.append(key)
    return np.array(rows).reshape(len(queries), len(train))


def distances(train, queries, metric):
    """Canonical distances; inner products for that metric."""
    key = keys(train, queries, metric)
    return -key if metric == "inner_product" else key


def nearest(train, queries, k, metric):
    """Distances and rows of the k nearest, ordered by (distance, row)."""
    return _smallest(keys(train, queries, metric), k, metric)


def nearest_others(train, k, metric):
    """Distances and rows of the k nearest other rows of each row; k is less than the number of rows."""
    return _smallest(np.where(np.eye(len(train), dtype=bool), np.inf, keys(train, train, metric)), k, metric)


def within(train, queries, radius, metric):
    """Distances and rows of the neighbours within a radius, for each query, ordered by (distance, row)."""
    lists = []
    for key in keys(train, queries, metric):
        order = np.argsort(key, kind="stable")
        inside = order[key[order] <= (-radius if metric == "inner_product" else radius)]
        lists.append((-key[inside] if metric == "inner_product" else key[inside], inside))
    return lists


def _smallest(key, k, metric):
    indices = np.argsort(key, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(key, indices, axis=1)
    return (-best if metric == "inner_product" else best), indices


def top_k(values, k, *, largest):
    """Values and columns of the k best, ties by column."""
    values = np.asarray(values)
    order = np.argsort(-values.astype(object) if largest else values, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, order, axis=1), order


def votes(labels, indices, weights, n_classes):
    """Sums of the neighbours' weights for each class, in the order of the neighbours."""
    out = np.zeros((len(indices), n_classes))
    for q, row in enumerate(indices):
        for i, neighbor in enumerate(row):
            out[q, labels[neighbor]] += weights[q, i]
    return out


def ranked_classes(votes, n_top):
    """The classes with the most votes, equal votes by class; -1 for those that have none."""
    order = np.argsort(-votes, axis=1, kind="stable")[:, :n_top]
    return np.where(np.take_along_axis(votes, order, axis=1) > 0, order, -1)


def _lerp(start, end, weight):
    return start + weight * (end - start) if weight < 0.5 else end - (end - start) * (1 - weight)


def update(rule, h, step, w, g, slots):
    """Return parameters and slots after one step of an update rule, rounded in the dtype of w."""
    number = w.dtype.type
    g = -g if h.maximize else g
    if h.weight_decay != 0:
        if rule == "adam" and h.decoupled:
            w = number(1 - h.learning_rate * h.weight_decay) * w
        else:
            g = g + number(h.weight_decay) * w
    lr, momentum, eps = number(h.learning_rate), number(h.momentum), number(h.eps)
    if rule == "sgd":
        if h.momentum == 0:
            return w - lr * g, slots
        v = g if step == 1 else momentum * slots[0] + number(1 - h.dampening) * g
        return w - lr * (g + momentum * v if h.nesterov else v), [v]
    if rule == "adagrad":
        total = slots[0] + g * g
        return w - number(h.learning_rate / (1 + (step - 1) * h.lr_decay)) * g / (np.sqrt(total) + eps), [total]
    if rule == "rmsprop":
        new = [number(h.alpha) * slots[0] + number(1 - h.alpha) * g * g]
        under_root = new[0]
        if h.centered:
            new.append(_lerp(slots[1], g, number(1 - h.alpha)))
            under_root = under_root - new[1] * new[1]
        scale = np.sqrt(under_root) + eps
        if h.momentum == 0:
            return w - lr * g / scale, new
        new.append(momentum * slots[-1] + g / scale)
        return w - lr * new[-1], new
    mean = _lerp(slots[0], g, number(1 - h.beta1))
    square = number(h.beta2) * slots[1] + number(1 - h.beta2) * g * g
    new = [mean, square, *([np.maximum(slots[2], square)] if h.amsgrad else [])]
    scale = np.sqrt(new[-1]) / number(np.sqrt(1 - h.beta2**step)) + eps
    return w - number(h.learning_rate / (1 - h.beta1**step)) * mean / scale, new


LOSSES = ("softmax", "weston_watkins", "one_vs_all", "runner_up")


def scores_loss(scores, y, loss, delta=1.0):
    """Losses of the examples, and their derivatives with respect to the scores."""
    n = np.arange(len(y))
    if loss == "softmax":
        shifted = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[n, y]
        p[n, y] -= 1
        return losses, p
    margins = scores - scores[n, y][:, None] + delta
    margins[n, y] = -np.inf
    if loss == "one_vs_all":
        margins = delta + scores
        margins[n, y] = delta - scores[n, y]
    if loss == "runner_up":
        kept = np.full_like(margins, -np.inf)
        best = margins.argmax(axis=1)
        kept[n, best] = margins[n, best]
        margins = kept
    p = (margins > 0).astype(float)
    losses = np.where(margins > 0, margins, 0).sum(axis=1)
    p[n, y] = -p[n, y] if loss == "one_vs_all" else -(p.sum(axis=1) - p[n, y])
    return losses, p


def penalty(W, reg, kind="l2", l1_ratio=0.5):
    """Value and gradient of reg * R(W)."""
    share = {"l2": 0.0, "l1": 1.0, "elasticnet": l1_ratio}[kind]
    value = reg * ((1 - share) * (W**2).sum() + share * np.abs(W).sum())
    return value, reg * ((1 - share) * 2 * W + share * np.sign(W))


def linear_loss(W, X, y, loss, *, delta=1.0, weights=None, reg=0.0, kind="l2", l1_ratio=0.5):
    """Loss and gradient of a linear classifier in float64."""
    W, X = np.asarray(W, dtype=np.float64), np.asarray(X, dtype=np.float64)
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    losses, p = scores_loss(X @ W, y, loss, delta)
    value, gradient = penalty(W, reg, kind, l1_ratio)
    return weights @ losses / weights.sum() + value, X.T @ (p * weights[:, None]) / weights.sum() + gradient


class SoftmaxData:
    """Mean softmax loss of rows and its gradient, as the solvers ask for them; a bias is a column of ones in the rows."""

    def __init__(self, rows, labels, n_classes, sample_weight=None):
        self.rows = np.asarray(rows, dtype=np.float64)
        self.n_classes, self.n_features = n_classes, self.rows.shape[1]
        self.targets = np.eye(n_classes)[labels]
        weight = np.ones(len(self.rows)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.weight = weight / len(self.rows)

    def probabilities(self, weights):
        scores = self.rows @ weights.T
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        total = powers.sum(axis=1, keepdims=True)
        return powers / total, np.log(total) - scores

    def value_and_gradient(self, weights):
        p, losses = self.probabilities(weights)
        value = float(self.weight @ (losses * self.targets).sum(axis=1))
        return value, ((p - self.targets) * self.weight[:, None]).T @ self.rows

    def gram(self, weights):
        p, _ = self.probabilities(weights)
        spread = 1 - (p * p).sum(axis=1)
        mean = self.weight @ spread / self.weight.sum()
        share = self.weight * (spread / mean if mean > 0 else 1)
        return (self.rows * share[:, None]).T @ self.rows

    def class_covariance(self, weights):
        p, _ = self.probabilities(weights)
        share = self.weight / self.weight.sum()
        return np.diag(share @ p) - (p * share[:, None]).T @ p

    def class_sums(self):
        return (self.targets * self.weight[:, None]).T @ self.rows
