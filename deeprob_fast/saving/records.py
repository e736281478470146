"""Linear classifiers, trainings and plain arrays as named arrays and a description in JSON, and back."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from deeprob_fast._files.headers import LONGEST_JSON, read_json
from deeprob_fast._files.refusal import shown
from deeprob_fast._typing import AnyArray
from deeprob_fast.linear.loop import Training
from deeprob_fast.saving.checks import check_linear, check_training
from deeprob_fast.saving.containers import Content, digest

_FORMAT = 1
_DESCRIPTION, _DIGEST = "deeprob_fast", "sha256"

_NUMBER_KINDS = "biuf"
_LONGEST_LABEL = 1 << 16

# What fitting sets. Labels and names of features may be strings; a list becomes an array.
_LINEAR_ARRAYS = ("_weights", "coef_", "intercept_", "validation_losses_", "validation_scores_")
_LINEAR_STRINGS = ("classes_", "feature_names_in_")
_LINEAR_NUMBERS = ("best_loss_", "learning_rate_", "n_features_in_", "n_iter_", "t_")
_LINEAR_LISTS = ("loss_curve_",)


def _linear_classes() -> dict[str, Any]:
    from deeprob_fast.linear.estimators import LinearSVM, SoftmaxClassifier

    return {cls.__name__: cls for cls in (SoftmaxClassifier, LinearSVM)}


def _as_json(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):  # JSON has strings only for keys
        return {"items": [[_as_json(name, part) for part in pair] for pair in value.items()]}
    msg = f"{name} must be None, a number, a string or a dict of them to be written; a .skops file can hold more; got {value!r}"
    raise TypeError(msg)


def _from_json(value: Any) -> Any:
    return {key: _from_json(part) for key, part in value["items"]} if isinstance(value, dict) else value


def _check_arrays(arrays: Mapping[Any, Any]) -> dict[str, AnyArray]:
    checked: dict[str, AnyArray] = {}
    for name, values in arrays.items():
        array = np.asarray(values)
        if not isinstance(name, str) or not name or array.dtype.kind not in _NUMBER_KINDS:
            msg = f"model must hold arrays of numbers, named by strings; got {name!r}: {array.dtype}"
            raise TypeError(msg)
        checked[name] = array
    return checked


def _packed(description: dict[str, Any], arrays: dict[str, AnyArray]) -> Content:
    text = json.dumps({"format": _FORMAT, **description})
    if len(text) > LONGEST_JSON:
        msg = f"model must be described, labels and names of features included, in at most {LONGEST_JSON} bytes; got {len(text)}"
        raise ValueError(msg)
    return Content(arrays, {_DESCRIPTION: text, _DIGEST: digest(arrays, text)})


def _describe_strings(array: AnyArray) -> dict[str, Any]:
    values = array.tolist()
    if array.ndim != 1 or not all(isinstance(value, str) for value in values):
        msg = f"labels must be numbers or strings to be written; a .skops file can hold more; got {array!r}"
        raise TypeError(msg)
    return {"width": None if array.dtype == object else array.dtype.itemsize // 4, "values": values}


def _strings(description: dict[str, Any]) -> AnyArray:
    width = description["width"]
    if width is not None and not 1 <= width <= _LONGEST_LABEL:
        msg = f"labels of {shown(width)} characters"
        raise ValueError(msg)
    return np.array(description["values"], dtype=object if width is None else f"<U{width}")


def _pack_linear(model: Any) -> Content:
    if not hasattr(model, "coef_"):
        msg = f"model must be fitted for its weights to be written; got {model!r}"
        raise ValueError(msg)
    held = vars(model)
    arrays = {name: held[name] for name in _LINEAR_ARRAYS if name in held}
    arrays |= {name: np.array(held[name], dtype=np.float64) for name in _LINEAR_LISTS}
    strings = {}
    for name in _LINEAR_STRINGS:
        if name in held and held[name].dtype.kind in _NUMBER_KINDS:
            arrays[name] = held[name]
        elif name in held:
            strings[name] = _describe_strings(held[name])
    description = {
        "class": type(model).__name__,
        "parameters": {name: _as_json(name, value) for name, value in model.get_params(deep=False).items()},
        "numbers": {name: _as_json(name, held[name]) for name in _LINEAR_NUMBERS},
        "strings": strings,
    }
    return _packed(description, arrays)


def _unpack_linear(cls: Any, description: dict[str, Any], arrays: dict[str, AnyArray]) -> Any:
    model = cls(**{name: _from_json(value) for name, value in description["parameters"].items()})
    attributes = {name: arrays[name] for name in (*_LINEAR_ARRAYS, *_LINEAR_STRINGS) if name in arrays}
    attributes |= {name: arrays[name].tolist() for name in _LINEAR_LISTS}
    attributes |= {name: _strings(description["strings"][name]) for name in _LINEAR_STRINGS if name in description["strings"]}
    attributes |= {name: description["numbers"][name] for name in _LINEAR_NUMBERS}
    vars(model).update(attributes, _trainer=None)
    check_linear(model)
    return model


def _pack_training(training: Training) -> Content:
    values = {field.name: getattr(training, field.name) for field in fields(training)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return _packed({"class": "Training", "numbers": {n: v for n, v in values.items() if n not in arrays}}, arrays)


def pack(model: Any) -> Content:
    """Return what is written of a model; TypeError if it is none that consists of arrays."""
    if isinstance(model, np.ndarray):
        return _packed({"class": "arrays"}, _check_arrays({"W": model}))
    if isinstance(model, Mapping):
        return _packed({"class": "arrays"}, _check_arrays(model))
    if isinstance(model, Training):
        return _pack_training(model)
    if type(model) in _linear_classes().values():
        return _pack_linear(model)
    msg = (
        "model must be a SoftmaxClassifier, a LinearSVM, a Training, an array or a dict of arrays for a file of arrays; "
        f"other estimators go into a .skops file; got {type(model).__name__}"
    )
    raise TypeError(msg)


def unpack(content: Content) -> Any:
    """Return the model; arrays as a dict if the file does not say what they are. Raises whatever it stumbles upon."""
    arrays, strings = content
    if _DESCRIPTION not in strings and _DIGEST not in strings:
        return arrays
    text = strings[_DESCRIPTION]
    if digest(arrays, text) != strings[_DIGEST]:
        msg = "its content does not match its SHA-256 digest"
        raise ValueError(msg)
    description = read_json(text, "its description")
    if description["format"] != _FORMAT:
        msg = f"it is of format {shown(description['format'])}; this version reads {_FORMAT}"
        raise ValueError(msg)
    kind = description["class"]
    if kind == "arrays":
        return arrays
    if kind == "Training":
        values: dict[str, Any] = {**arrays, **description["numbers"]}
        training = Training(**values)
        check_training(training)
        return training
    classes = _linear_classes()
    if kind not in classes:
        msg = f"it is of class {shown(kind)}; known are {', '.join(classes)}"
        raise ValueError(msg)
    return _unpack_linear(classes[kind], description, arrays)
