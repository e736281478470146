"""Models that are saved, and whether what comes back is the same."""

import numpy as np

import deeprob_fast as df
from tests.examples import blobs

ARRAY_FILES = [".npz", ".safetensors"]
ALL_FILES = [".skops", *ARRAY_FILES]
NAMES = np.array(["ant", "bee", "cicada"])


def linear(kind=df.SoftmaxClassifier, n_classes=3, dtype=np.float64, **options):
    x, y = blobs(n=120)
    chosen = y < n_classes
    return kind(**{"random_state": 0, "max_epochs": 3} | options).fit(x[chosen].astype(dtype), NAMES[y[chosen]])


def again(model, path):
    df.save(model, path)
    return df.load(path)


def assert_same_classifier(loaded, model, x):
    assert type(loaded) is type(model)
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.predict(x).dtype == model.predict(x).dtype
    decide = "decision_function" if hasattr(model, "decision_function") else "predict_proba"
    np.testing.assert_array_equal(getattr(loaded, decide)(x), getattr(model, decide)(x))
