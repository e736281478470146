"""`cs231n/classifiers/k_nearest_neighbor.py`."""

import numpy as np

from deeprob_fast.compat import _knn
from deeprob_fast.compat._arrays import Arrays, like


class KNearestNeighbor:
    """k-NN by majority vote with euclidean distances.

    Attributes
    ----------
    X_train : array or tensor, shape (num_train, D)
    y_train : array or tensor of int, shape (num_train,)
        Both as `train` got them.

    Examples
    --------
    >>> import numpy as np
    >>> classifier = KNearestNeighbor()
    >>> classifier.train(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([0, 1]))
    >>> classifier.compute_distances_no_loops(np.array([[0.0, 0.0]]))
    array([[0., 5.]])
    >>> classifier.predict(np.array([[3.0, 3.0]]))
    array([1.])
    """

    X_train: Arrays
    y_train: Arrays

    def train(self, X: Arrays, y: Arrays) -> None:
        """Memorise the training data.

        Parameters
        ----------
        X : array or tensor, shape (num_train, D)
        y : array or tensor of int, shape (num_train,)
        """
        self.X_train = X
        self.y_train = y

    def _memorised(self, name: str) -> Arrays:
        if not hasattr(self, name):
            msg = f"{name} must be memorised first: call train(X, y)"
            raise ValueError(msg)
        return getattr(self, name)

    def predict(self, X: Arrays, k: int = 1, num_loops: int = 0) -> Arrays:
        """Predict labels by an exact search, without the matrix of distances.

        Parameters
        ----------
        X : array or tensor, shape (num_test, D)
        k : int
        num_loops : {0, 1, 2}
            Of no effect.

        Returns
        -------
        array or tensor of float64, shape (num_test,)
            As in the course, labels in double precision. The most frequent one; of equally frequent ones the smallest.

        Raises
        ------
        ValueError
            If `num_loops` is another number, a shape does not fit, a value is not finite, k is too large, or `train` was not
            called.
        """
        if num_loops not in (0, 1, 2):
            msg = f"num_loops must be 0, 1 or 2; got {num_loops!r}"
            raise ValueError(msg)
        train, test = _knn.samples("X_train", self._memorised("X_train"), 1), _knn.samples("X", X)
        _knn.check_same_samples("X", X, "X_train", self.X_train)
        labels = _knn.check_labels("y_train", self._memorised("y_train"), "X_train", len(train))
        return like(X, _knn.labels_by_search(train, labels, test, k, "euclidean"), np.float64)

    def compute_distances_no_loops(self, X: Arrays) -> Arrays:
        """Compute the euclidean distance of every test row to every training row.

        Parameters
        ----------
        X : array or tensor, shape (num_test, D)

        Returns
        -------
        array or tensor of float64, shape (num_test, num_train)
            True distances, not squared: DeepRob's are squared, and transposed.

        Raises
        ------
        ValueError
            If a shape does not fit, or a value is not finite.

        Notes
        -----
        The methods of two loops and of one loop are this one: same result, at once.
        """
        train, test = _knn.samples("X_train", self._memorised("X_train"), 1), _knn.samples("X", X)
        _knn.check_same_samples("X", X, "X_train", self.X_train)
        return like(X, _knn.distances(test, train, "euclidean", np.float64))

    compute_distances_one_loop = compute_distances_no_loops
    compute_distances_two_loops = compute_distances_no_loops

    def predict_labels(self, dists: Arrays, k: int = 1) -> Arrays:
        """Predict labels by a matrix of distances.

        Parameters
        ----------
        dists : array or tensor, shape (num_test, num_train)
        k : int

        Returns
        -------
        array or tensor of float64, shape (num_test,)
            As from `predict`. Equal distances are ordered by training row.

        Raises
        ------
        ValueError
            If a shape does not fit (the message says so if dists looks transposed), dists holds NaN, or k is too large.
        """
        labels = _knn.check_labels("y_train", self._memorised("y_train"), "dists")
        matrix = _knn.check_distances(dists, len(labels), 1, "(num_test, num_train)")
        return like(dists, _knn.labels_by_distance(matrix, labels, k), np.float64)
