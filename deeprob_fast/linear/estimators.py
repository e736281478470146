"""Linear classifiers as scikit-learn estimators, trained by the compiled loop."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.linear.base import LinearClassifier
from deeprob_fast.linear.checks import FORMULATIONS
from deeprob_fast.linear.hyperplanes import Hyperplane
from deeprob_fast.optim import Optimizer

_PARAMETERS = """
optimizer : {"sgd", "adagrad", "rmsprop", "adam", "adamw"} or Optimizer
    An update rule of `deeprob_fast.optim` by name, with PyTorch's defaults, or by example; the example is not changed.
learning_rate : float or "auto"
    "auto": for "sgd" from the curvature of the objective (see Notes), for the others that of the optimizer.
momentum : float
    Of "sgd".
nesterov : bool
    Nesterov's momentum, of "sgd".
schedule : {"cosine", "constant"}, callable or None
    "cosine" lowers the learning rate from step to step, to 0 at the end of `max_epochs`. A callable makes a schedule for an
    optimizer, for instance ``lambda o: df.optim.StepLR(o, 100)``, which counts steps, or epochs if it is a
    `ReduceLROnPlateau`. None is "constant".
reg : float
    Strength of the penalty, which is added to the mean loss.
penalty : {"l2", "l1", "elasticnet"}
    Sum of squares (without 1/2), of absolute values, or l1_ratio of this and the rest of that.
l1_ratio : float
    Of "elasticnet", in [0, 1].
batch_size : int or None
    None: all examples at every step.
max_epochs : int or "auto"
    "auto": as many as make 2000 steps, but from 20 to 1000.
tol : float or None
    Stop when the mean loss of an epoch was not below the best by as much for `n_iter_no_change` epochs in a row. None: never.
    Not with "cosine", which has its own end, nor with early stopping.
n_iter_no_change : int or "auto"
    Epochs to wait for an improvement, of the training loss or, with early stopping, of the validation loss. "auto": 5, or as
    many as make 100 steps.
early_stopping : bool
    Hold out a part of the examples, stop when its loss no longer improves, and take the weights of the best epoch.
validation_fraction : float
    Share that is held out, of each class.
fit_intercept : bool
penalize_intercept : bool
    Whether the penalty counts the intercept, as it does where a column of ones is part of X.
standardize : bool
    Train on (X - mean) / std, computed on the fly (without an intercept X / std); `reg` then counts these features' weights.
    `coef_` and `intercept_` are for X as it is.
class_weight : dict, "balanced" or None
    Factors of the sample weights by label; "balanced": n_samples / (n_classes * count of the class).
warm_start : bool
    Whether `fit` starts from the weights of the fit before; the optimizer starts anew.
shuffle : bool
    Whether each epoch is a new permutation of the examples.
random_state : int, RandomState or None
    Of permutations and the held-out part; an int is the `seed` of `deeprob_fast.train`.
n_jobs : int, optional
    Threads; by default, and for -1, all that the environment grants, for -2 all but one. Does not change any result.
"""

_ATTRIBUTES = """
coef_ : array, shape (n_classes, n_features), or (1, n_features) for two classes
    float64 if X is, else float32.
intercept_ : array, shape (n_classes,) or (1,)
classes_ : array, shape (n_classes,)
    Labels, ascending.
n_iter_ : int
    Epochs of the last fit, or of all calls of `partial_fit`.
t_ : int
    Steps taken since the weights were 0.
loss_curve_ : list of float
    Mean objective of each epoch, on the batches as they came.
best_loss_ : float
    The smallest of them.
learning_rate_ : float
    That of the first step.
validation_losses_, validation_scores_ : array of float64, shape (`n_iter_`,)
    Mean loss and accuracy after each epoch, only with validation data.
n_features_in_ : int
"""


@sharing(parameters=_PARAMETERS, attributes=_ATTRIBUTES)
class SoftmaxClassifier(LinearClassifier):
    """Softmax (multinomial logistic) regression.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    softmax_loss : The loss.
    train : The same training without scikit-learn.

    Notes
    -----
    `fit` warns (`ConvergenceWarning`) if training diverges or ends far from the minimum; `standardize=True` is what helps most.

    Minimises the mean loss + reg * R(W). Two classes are trained as two rows of scores, of which `coef_` is the difference,
    second minus first; a penalty reg * sum(W**2) is then reg / 2 * sum(coef_**2).

    "auto" takes three quarters of the largest learning rate for which gradient descent with this momentum is stable:
    2 (1 + momentum) / L, where L = lambda / 2 + 2 reg, and lambda is the largest eigenvalue of X^T X / n_samples, the intercept
    among the features, raised by what the rows of a minibatch can deviate from it. Features so large that the rate would be 0 in
    the dtype of the computation raise a ValueError: standardize them.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> model = df.SoftmaxClassifier(random_state=0).fit([[0.0], [1.0], [4.0], [5.0]], ["no", "no", "yes", "yes"])
    >>> [str(label) for label in model.predict([[1.5], [3.5]])]
    ['no', 'yes']
    """

    def __init__(
        self,
        *,
        optimizer: str | Optimizer = "sgd",
        learning_rate: float | str = "auto",
        momentum: float = 0.9,
        nesterov: bool = False,
        schedule: str | Callable[[Optimizer], Any] | None = "cosine",
        reg: float = 1e-4,
        penalty: str = "l2",
        l1_ratio: float = 0.5,
        batch_size: int | None = 128,
        max_epochs: int | str = "auto",
        tol: float | None = 1e-4,
        n_iter_no_change: int | str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        fit_intercept: bool = True,
        penalize_intercept: bool = False,
        standardize: bool = False,
        class_weight: Mapping[Any, float] | str | None = None,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self._take(locals())

    def _loss(self) -> tuple[str, float]:
        return "softmax", 0.0

    def _loss_at_zero(self) -> float:
        return math.log(len(self.classes_))

    def predict_log_proba(self, X: ArrayLike) -> Float64:
        """Compute the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)

        Returns
        -------
        array of float64, shape (n_samples, n_classes)
            In the order of `classes_`; none is -inf as long as scores are finite.
        """
        scores = self.decision_function(X).astype(np.float64)
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros(len(scores)), scores])
        with np.errstate(over="ignore"):  # of scores that differ by more than float64 holds
            scores -= scores.max(axis=1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return scores

    def predict_proba(self, X: ArrayLike) -> Float64:
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)

        Returns
        -------
        array of float64, shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1.
        """
        return np.exp(self.predict_log_proba(X))


@sharing(parameters=_PARAMETERS, attributes=_ATTRIBUTES)
class LinearSVM(LinearClassifier):
    """Linear support vector machine for any number of classes.

    Parameters
    ----------
    formulation : {"weston_watkins", "one_vs_all", "runner_up"}
        How margins to several classes count, as in `svm_loss`.
    delta : float
        Margin.
    {parameters}

    Attributes
    ----------
    {attributes}
    hyperplane_ : Hyperplane
        Only for two classes: w^T x - b = 0 with the margins at -1 and 1.

    See Also
    --------
    svm_loss : The loss.
    train : The same training without scikit-learn.

    Notes
    -----
    `fit` warns (`ConvergenceWarning`) if training diverges or ends far from the minimum; `standardize=True` is what helps most.

    Minimises the mean loss + reg * R(W). Two classes are trained as two rows of scores, of which `coef_` is the difference,
    second minus first; a penalty reg * sum(W**2) is then reg / 2 * sum(coef_**2), and with "weston_watkins" and "runner_up" this
    is the binary support vector machine.

    "auto" is as for `SoftmaxClassifier`, with 5 lambda (n_classes / 2 lambda, if that is more, for "weston_watkins") in place of
    lambda / 2: a hinge has no largest curvature, and these factors are ones that proved themselves.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> model = df.LinearSVM(random_state=0).fit([[0.0], [1.0], [4.0], [5.0]], ["no", "no", "yes", "yes"])
    >>> [str(label) for label in model.predict([[1.5], [3.5]])]
    ['no', 'yes']
    """

    formulation: str
    delta: float

    def __init__(
        self,
        *,
        formulation: str = "weston_watkins",
        delta: float = 1.0,
        optimizer: str | Optimizer = "sgd",
        learning_rate: float | str = "auto",
        momentum: float = 0.9,
        nesterov: bool = False,
        schedule: str | Callable[[Optimizer], Any] | None = "cosine",
        reg: float = 1e-4,
        penalty: str = "l2",
        l1_ratio: float = 0.5,
        batch_size: int | None = 128,
        max_epochs: int | str = "auto",
        tol: float | None = 1e-4,
        n_iter_no_change: int | str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        fit_intercept: bool = True,
        penalize_intercept: bool = False,
        standardize: bool = False,
        class_weight: Mapping[Any, float] | str | None = None,
        warm_start: bool = False,
        shuffle: bool = True,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self._take(locals())

    def _loss(self) -> tuple[str, float]:
        _scalars.check_choice("formulation", self.formulation, FORMULATIONS)
        return self.formulation, self.delta

    def _loss_at_zero(self) -> float:
        n_margins = {"weston_watkins": len(self.classes_) - 1, "one_vs_all": len(self.classes_), "runner_up": 1}
        return self.delta * n_margins[self.formulation]

    @property
    def hyperplane_(self) -> Hyperplane:
        """The plane between two classes, scaled so that the margins are at -1 and 1."""
        if not hasattr(self, "coef_") or len(self.coef_) > 1 or self.delta == 0:
            msg = "hyperplane_ exists after fitting two classes with a delta above 0"
            raise AttributeError(msg)
        # One against all: each of the two rows of scores has its own margin.
        margin = self.delta * (2 if self.formulation == "one_vs_all" else 1)
        return Hyperplane(self.coef_[0].astype(np.float64) / margin, -float(self.intercept_[0]) / margin)
