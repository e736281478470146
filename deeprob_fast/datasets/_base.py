"""The shape of a data set."""

from dataclasses import dataclass

from deeprob_fast._typing import AnyArray

# What every function that loads a named data set returns and raises, for its docstring.
LOADS = """
Returns
-------
Dataset

Raises
------
FileNotFoundError
    If a file is not there.
OSError
    If the download failed.
ValueError
    If a file is damaged or of another format.
"""


@dataclass(frozen=True)
class Dataset:
    """Features and labels, split into training rows and test rows.

    Attributes
    ----------
    name : str
    train, test : array, shape (n_rows, n_features)
    train_labels, test_labels : array, shape (n_rows,)
    class_names : tuple of str
        Of the labels 0, 1, ...; empty if they are not known.
    image_shape : tuple of int
        Of one row, such as (28, 28) or (32, 32, 3); empty if the rows are not images.
    groups : array, shape (n_train_rows,), or None
        What each training row was taken from, such as the object in a photograph. Rows of one group are alike: do not split them.
    split : str
        How the test rows were set apart: "its own" where the data set or the user says which they are, else the words, share and
        seed of `load`.
    taken : str
        What of the files became features and labels, in one line; empty for data sets by name.
    """

    name: str
    train: AnyArray
    train_labels: AnyArray
    test: AnyArray
    test_labels: AnyArray
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, ...] = ()
    groups: AnyArray | None = None
    split: str = "its own"
    taken: str = ""

    @property
    def n_classes(self) -> int:
        """Number of different training labels."""
        return len(set(self.train_labels.tolist()))
