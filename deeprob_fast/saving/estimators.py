"""Estimators and pipelines of them in .skops files."""

import copy
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from sklearn.base import BaseEstimator

from deeprob_fast import _optional, optim
from deeprob_fast.knn.estimators.base import NeighborsEstimator
from deeprob_fast.knn.estimators.classifiers import KNeighborsClassifier, RadiusNeighborsClassifier
from deeprob_fast.knn.estimators.precomputed import PrecomputedDistances
from deeprob_fast.knn.estimators.regressors import KNeighborsRegressor, RadiusNeighborsRegressor
from deeprob_fast.knn.estimators.transformers import KNeighborsTransformer, RadiusNeighborsTransformer
from deeprob_fast.knn.estimators.unsupervised import NearestNeighbors
from deeprob_fast.knn.index import KNNIndex
from deeprob_fast.linear.base import LinearClassifier
from deeprob_fast.linear.estimators import LinearSVM, SoftmaxClassifier
from deeprob_fast.saving.checks import check_linear, check_neighbors
from deeprob_fast.saving.schemas import check_schema

_OPTIMIZERS = tuple(thing for thing in vars(optim).values() if isinstance(thing, type) and issubclass(thing, optim.Optimizer))

# What a file may hold beyond what skops trusts by itself, which is scikit-learn's estimators and plain data.
_NEIGHBORS = (
    NearestNeighbors,
    KNeighborsClassifier,
    RadiusNeighborsClassifier,
    KNeighborsRegressor,
    RadiusNeighborsRegressor,
    KNeighborsTransformer,
    RadiusNeighborsTransformer,
)
_TRUSTED = [
    f"{cls.__module__}.{cls.__name__}"
    for cls in (SoftmaxClassifier, LinearSVM, *_NEIGHBORS, KNNIndex, PrecomputedDistances, *_OPTIMIZERS)
]


def _foreign(data: bytes) -> list[str]:
    """Return the types in a file that are not trusted."""
    skops = _optional.require("skops.io", "persist")
    return sorted(set(skops.get_untrusted_types(data=data)) - set(_TRUSTED))


def _without_optimizers(value: Any) -> Any:
    """Return a model whose linear classifiers hold no state of an optimizer: only pickle keeps what partial_fit goes on with."""
    if type(value) in (list, tuple):
        return type(value)(_without_optimizers(part) for part in value)
    if type(value) is dict:
        return {key: _without_optimizers(part) for key, part in value.items()}
    if not isinstance(value, BaseEstimator):
        return value
    copied = copy.copy(value)
    vars(copied).update({name: _without_optimizers(part) for name, part in vars(value).items()})
    if isinstance(copied, LinearClassifier) and hasattr(copied, "_trainer"):
        copied._trainer = None
    return copied


def _parts(value: Any) -> Iterator[Any]:
    """Yield the estimators in a model, itself included."""
    if isinstance(value, (list, tuple)):
        parts = list(value)
    elif isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, BaseEstimator):
        yield value
        parts = list(vars(value).values())
    else:
        return
    for part in parts:
        yield from _parts(part)


def dump(model: Any) -> bytes:
    """Return a model as the bytes of a .skops file; TypeError if `load` would not read them."""
    if not isinstance(model, BaseEstimator):
        msg = f"model must be a scikit-learn estimator for a .skops file; got {type(model).__name__}"
        raise TypeError(msg)
    skops = _optional.require("skops.io", "persist")
    try:
        data: bytes = skops.dumps(_without_optimizers(model))
        check_schema(io.BytesIO(data))
        foreign = _foreign(data)
    except (TypeError, ValueError, AttributeError) as error:
        msg = f"model must consist of what a .skops file can hold: {error}"
        raise TypeError(msg) from error
    if foreign:
        msg = f"model must consist of estimators of deeprob_fast and scikit-learn; it holds {', '.join(foreign)}"
        raise TypeError(msg)
    return data


def read(file: BinaryIO) -> Any:
    """Return the model in a .skops file, made only if all types are trusted. Raises whatever it stumbles upon."""
    check_schema(file)
    file.seek(0)
    data = file.read()
    foreign = _foreign(data)
    if foreign:
        msg = f"it holds types that are not trusted: {', '.join(foreign)}"
        raise ValueError(msg)
    model = _optional.require("skops.io", "persist").loads(data, trusted=_TRUSTED)
    if not isinstance(model, BaseEstimator):
        msg = f"it holds no estimator, but {type(model).__name__}"
        raise TypeError(msg)
    for part in _parts(model):
        part.get_params(deep=False)  # all of them must be there
        if isinstance(part, LinearClassifier) and not {"classes_", "coef_", "_weights"}.isdisjoint(vars(part)):
            check_linear(part)
        elif isinstance(part, NeighborsEstimator) and hasattr(part, "index_"):
            check_neighbors(part)
    return model
