"""Any hostile call, by its seed and number."""

import warnings

from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

import deeprob_fast as df
from tests.safety import hostile_estimators, hostile_learning, hostile_searches
from tests.safety.hostile import Source

CALLS = (*hostile_searches.CALLS, *hostile_learning.CALLS, *hostile_estimators.CALLS)

# They tell of training, of gradients, of labels in a column and of classes without training rows, not of faults.
_TOLD = (ConvergenceWarning, DataConversionWarning, df.GradcheckWarning, df.datasets.SplitWarning)


def call(seed, number):
    """Make one call, and return its name."""
    source = Source(seed, number)
    chosen = source.choice(*CALLS)
    with warnings.catch_warnings():
        for kind in _TOLD:
            warnings.simplefilter("ignore", kind)
        try:
            chosen(source)
        except Exception as error:
            error.args = (f"{chosen.__name__}: {error}",)
            raise
    return chosen.__name__
