"""Classification by the votes of neighbours."""

import warnings
from copy import copy
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets

from deeprob_fast._docstrings import sharing
from deeprob_fast._labels import numbered, of_one_kind
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, Int64
from deeprob_fast.knn.estimators.base import ATTRIBUTES, PARAMETERS, KNeighborsMixin, NeighborsEstimator, RadiusNeighborsMixin
from deeprob_fast.knn.estimators.outliers import labels_of_outliers
from deeprob_fast.knn.estimators.voting import VOTING, VotingMixin
from deeprob_fast.knn.votes import class_votes, list_weights, rank_classes

CLASSES = """
classes_ : array, shape (n_classes,), or list of such arrays
    Labels, ascending; a list where y has several columns.
outputs_2d_ : bool
    Whether y has several columns.
"""


class _Classifier(VotingMixin, ClassifierMixin, NeighborsEstimator):
    """Training rows with labels."""

    classes_: Any
    outputs_2d_: bool
    _labels: Int64  # numbers of the training rows' classes: (n_train,), or (n_outputs, n_train)

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Prepare the training rows and their labels.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)
            Numbers or strings.

        Returns
        -------
        self
        """
        self._check_amount()
        self._check_voting(self._effective_metric())
        targets: Any = y
        rows, labels = self._read(X, targets.toarray() if issparse(targets) else targets, multi_output=True)
        if labels.ndim == 2 and labels.shape[1] == 1:
            msg = "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,)."
            warnings.warn(msg, DataConversionWarning, stacklevel=2)
            labels = labels[:, 0]
        columns = [_numbered(column) for column in (labels.T if labels.ndim == 2 else [labels])]
        if labels.ndim == 1:
            self._prepare(rows, classes_=columns[0][0], outputs_2d_=False, _labels=columns[0][1])
        else:
            classes, numbers = zip(*columns, strict=True)
            self._prepare(rows, classes_=list(classes), outputs_2d_=True, _labels=np.array(numbers))
        return self

    def _outputs(self) -> list[tuple[AnyArray, Int64]]:
        """Return the classes, and the number of each training row's, for each column of y."""
        if self.outputs_2d_:
            return list(zip(self.classes_, self._labels, strict=True))
        return [(self.classes_, self._labels)]

    def _joined(self, predicted: list[AnyArray]) -> AnyArray:
        if not self.outputs_2d_:
            return predicted[0]
        # What is text in one column and a number in another must stay so.
        kinds = {column.dtype.kind for column in predicted}
        return np.stack([column if len(kinds) == 1 else column.astype(object) for column in predicted], axis=1)

    def score(self, X: ArrayLike | None, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the fraction of the queries that are classified correctly; for several columns, in all of them.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), or None
            None: the training rows, none of which counts as its own neighbour.
        y : array-like, shape (n_queries,) or (n_queries, n_outputs)
        sample_weight : array-like, shape (n_queries,), optional

        Returns
        -------
        float
        """
        return float(super().score(X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_label = True
        return tags


def _numbered(labels: AnyArray) -> tuple[AnyArray, Int64]:
    """Return the classes, and the number of each label."""
    labels = of_one_kind("y", labels)
    check_classification_targets(labels)
    classes, (numbers,) = numbered(("y", labels))
    return classes, numbers


@sharing(parameters=PARAMETERS, attributes=ATTRIBUTES, voting=VOTING, classes=CLASSES)
class KNeighborsClassifier(KNeighborsMixin, _Classifier):
    """Classification by the votes of the exact nearest neighbours.

    Parameters
    ----------
    n_neighbors : int
    {voting}
    {parameters}

    Attributes
    ----------
    {classes}
    {attributes}

    Notes
    -----
    Ties between classes go to the smallest label; ties between neighbours to the smallest training row.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> model = df.KNeighborsClassifier(n_neighbors=1).fit([[0.0], [2.0]], ["no", "yes"])
    >>> [str(label) for label in model.predict([[1.5]])]
    ['yes']
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Any = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: str = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        temperature: float = 0.07,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.temperature = temperature

    def predict_proba(self, X: ArrayLike | None) -> Float64 | list[Float64]:
        """Compute the share of the votes of each class.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), or None
            None: the training rows, none of which counts as its own neighbour.

        Returns
        -------
        array of float64, shape (n_queries, n_classes), or list of such arrays
            In the order of `classes_`; rows sum to 1.
        """
        fitted = copy(self)
        neighbors = fitted._nearest(X)
        voting = {**fitted._voting(), "n_threads": fitted._n_threads()}
        shares = []
        for classes, labels in fitted._outputs():
            votes = class_votes(neighbors, labels, len(classes), **voting)
            shares.append(votes / votes.sum(axis=1, keepdims=True))
        return shares if fitted.outputs_2d_ else shares[0]

    def predict(self, X: ArrayLike | None) -> AnyArray:
        """Predict the class with the most votes; ties go to the smallest label.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), or None
            None: the training rows, none of which counts as its own neighbour.

        Returns
        -------
        array, shape (n_queries,) or (n_queries, n_outputs)
        """
        fitted = copy(self)
        neighbors = fitted._nearest(X)
        voting = {**fitted._voting(), "n_threads": fitted._n_threads()}
        k = neighbors.indices.shape[1]
        predicted = []
        for classes, labels in fitted._outputs():
            ranked = rank_classes(neighbors, labels, len(classes), [k], 1, **voting)
            predicted.append(classes[ranked[0, :, 0]])
        return fitted._joined(predicted)


@sharing(parameters=PARAMETERS, attributes=ATTRIBUTES, voting=VOTING, classes=CLASSES)
class RadiusNeighborsClassifier(RadiusNeighborsMixin, _Classifier):
    """Classification by the votes of all training rows within a radius.

    Parameters
    ----------
    radius : float
        A distance that equals it is within.
    {voting}
    {parameters}
    outlier_label : label or list of labels, optional
        What queries without neighbours are predicted as, for each column of y if it is a list; "most_frequent": the label that
        most training rows have. By default such queries are refused.

    Attributes
    ----------
    {classes}
    outlier_label_ : list of labels, or None
        One for each column of y.
    {attributes}

    Notes
    -----
    Ties between classes go to the smallest label.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> model = df.RadiusNeighborsClassifier(radius=1.0, outlier_label=0).fit([[0.0], [2.0]], [0, 1])
    >>> model.predict([[1.5]])
    array([1])
    """

    outlier_label_: list[Any] | None

    def __init__(
        self,
        radius: float = 1.0,
        *,
        weights: Any = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: str = "minkowski",
        outlier_label: Any = None,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        temperature: float = 0.07,
    ) -> None:
        self.radius = radius
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.outlier_label = outlier_label
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.temperature = temperature

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: D102  # as that of its base
        super().fit(X, y)
        self.outlier_label_ = labels_of_outliers(self.outlier_label, self._outputs())
        return self

    def predict_proba(self, X: ArrayLike | None) -> Float64 | list[Float64]:
        """Compute the share of the votes of each class.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), or None
            None: the training rows, none of which counts as its own neighbour.

        Returns
        -------
        array of float64, shape (n_queries, n_classes), or list of such arrays
            In the order of `classes_`; rows sum to 1. Queries without neighbours have 1 for their label, or, with a warning, 0
            for all classes if it is none of these.

        Raises
        ------
        ValueError
            If a query has no neighbours and there is no label for such.
        """
        fitted = copy(self)
        shares = fitted._shares(X)
        return shares if fitted.outputs_2d_ else shares[0]

    def predict(self, X: ArrayLike | None) -> AnyArray:
        """Predict the class with the most votes; ties go to the smallest label.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), or None
            None: the training rows, none of which counts as its own neighbour.

        Returns
        -------
        array, shape (n_queries,) or (n_queries, n_outputs)

        Raises
        ------
        ValueError
            If a query has no neighbours and there is no label for such.
        """
        fitted = copy(self)
        predicted = []
        all_shares = fitted._shares(X)
        for number, ((classes, _), shares) in enumerate(zip(fitted._outputs(), all_shares, strict=True)):
            labels = classes[shares.argmax(axis=1)]
            if fitted.outlier_label_ is not None:
                labels[(shares == 0).all(axis=1)] = fitted.outlier_label_[number]
            predicted.append(labels)
        return fitted._joined(predicted)

    def _shares(self, X: ArrayLike | None) -> list[Float64]:
        lists = self._within(X)
        counts = lists.counts
        lonely = np.flatnonzero(counts == 0)
        if len(lonely) and self.outlier_label_ is None:
            msg = (
                f"No neighbors found for test samples {lonely.tolist()[:20]}, {len(lonely)} in all: X needs a larger radius, "
                "or the estimator an outlier_label"
            )
            raise ValueError(msg)
        weights = list_weights(lists, **self._voting())
        queries = np.repeat(np.arange(len(counts)), counts)
        all_shares = []
        for number, (classes, labels) in enumerate(self._outputs()):
            cells = queries * len(classes) + labels[lists.indices]
            votes = np.bincount(cells, weights, minlength=len(counts) * len(classes)).reshape(len(counts), len(classes))
            total = votes.sum(axis=1, keepdims=True)
            shares = votes / np.where(total > 0, total, 1)
            if len(lonely) and self.outlier_label_ is not None:
                label = self.outlier_label_[number]
                if (place := np.flatnonzero(classes == label)).size:
                    shares[lonely, place[0]] = 1
                else:
                    msg = (
                        f"Outlier label {label} is not in training classes. "
                        "All class probabilities of outliers will be assigned with 0."
                    )
                    warnings.warn(msg, stacklevel=3)
            all_shares.append(shares)
        return all_shares
