"""What the linear classifiers share as scikit-learn estimators: data in, training, scores out."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from deeprob_fast import _validation
from deeprob_fast._estimators import DTYPES, checked
from deeprob_fast._labels import numbered, places, unpacked
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, Int64
from deeprob_fast.linear import scaling
from deeprob_fast.linear.batches import Batches
from deeprob_fast.linear.checks import check_sample_weight, of_ordinary_size
from deeprob_fast.linear.classifiers import Classifier, Trainer
from deeprob_fast.linear.convergence import possible_decrease
from deeprob_fast.linear.examples import Examples, computing_dtype, examples_of
from deeprob_fast.linear.loop import Stopping, Training, TrainingLoop
from deeprob_fast.linear.parameters import Parameters
from deeprob_fast.linear.scores import linear_scores

# Share of the loss of zero weights that the objective may lie above its minimum without a warning, at least.
_FAR = 0.03


def _distinct(classes: ArrayLike) -> AnyArray:
    """Return the labels that will come, sorted."""
    array = _validation.as_array("classes", unpacked(classes))
    if array.ndim != 1:
        msg = f"classes must be 1-D, one label for each class; got shape {array.shape}"
        raise ValueError(msg)
    return numbered(("classes", array))[0]


class LinearClassifier(ClassifierMixin, Parameters):
    """Base of the linear classifiers. Subclasses take the parameters and name the loss."""

    _weights: Float64  # of the features as they are, (n_classes, n_features + 1), the intercept last
    _trainer: Trainer | None  # of partial_fit, between its calls

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Train on the examples.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            float32, float64, float16, uint8 or int8 are read in place; anything else becomes float64.
        y : array-like, shape (n_samples,)
            Labels of any type, of at least two classes.
        sample_weight : array-like, shape (n_samples,), optional
            Not negative. The loss of a batch is the weighted mean.
        X_val, y_val : array-like, optional
            Validation data, scored after every epoch. Early stopping takes them in place of a part of X.

        Returns
        -------
        self
        """
        classifier = self._classifier()
        again = self.warm_start and hasattr(self, "_weights")
        rows, labels = checked(self, X, y, reset=not again)
        check_classification_targets(labels)
        if not again:
            self._begin(numbered(("y", labels))[0])
        class_numbers = self._class_numbers("y", labels)
        weights = self._sample_weights(sample_weight, labels, class_numbers)
        training_rows, held_out = np.arange(len(rows), dtype=np.int64), None
        if self.early_stopping and X_val is None:
            training_rows, held_out = self._split(class_numbers)
        examples = self._examples(rows, class_numbers, weights, training_rows)
        if held_out is None:
            validation = self._given_validation(examples, X_val, y_val)
        else:
            of_held_out = None if sample_weight is None else _validation.as_numbers("sample_weight", sample_weight)[held_out]
            validation = self._validation(examples, rows[held_out], class_numbers[held_out], of_held_out)
        self._trainer = None
        self.loss_curve_: list[float] = []
        start = scaling.for_columns(self._weights, examples)
        self._publish(self._fit_weights(classifier, examples, training_rows, validation, start), examples)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train on the examples once, going on with the weights and the optimizer of the calls before.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : array-like, shape (n_samples,)
        classes : array-like, shape (n_classes,), optional
            All labels that will ever come; needed by the first call.
        sample_weight : array-like, shape (n_samples,), optional
            Not negative.

        Returns
        -------
        self

        Notes
        -----
        The learning rate is constant if the schedule is "cosine", which needs an end. After `fit` the optimizer starts anew.
        Features are standardised by the examples of the first call.
        """
        classifier = self._classifier()
        if self.class_weight is not None and not isinstance(self.class_weight, Mapping):
            msg = f"class_weight must be a dict or None in partial_fit, which does not see all labels; got {self.class_weight!r}"
            raise ValueError(msg)
        first = not hasattr(self, "_weights")
        trainer = None if first else self._trainer
        dtypes = DTYPES[1:] if trainer is not None and trainer.examples.dtype == np.float32 else DTYPES
        rows, labels = checked(self, X, y, dtypes=dtypes, reset=first)
        check_classification_targets(labels)
        if first:
            if classes is None:
                msg = "classes must be given to the first call of partial_fit; got None"
                raise ValueError(msg)
            self._begin(_distinct(classes))
            self.loss_curve_ = []
            self.n_iter_ = 0
        elif classes is not None and not np.array_equal(_distinct(classes), self.classes_):
            msg = f"classes must be those of the calls before, {self.classes_.tolist()}; got {np.asarray(classes).tolist()}"
            raise ValueError(msg)
        class_numbers = self._class_numbers("y", labels)
        weights = self._sample_weights(sample_weight, labels, class_numbers)
        training_rows = np.arange(len(rows), dtype=np.int64)
        examples = self._examples(rows, class_numbers, weights, training_rows, trainer)
        if trainer is None:
            trainer = self._trainer_of(classifier, examples, training_rows, scaling.for_columns(self._weights, examples), None)
        threads = _validation.check_n_threads(self.n_jobs, "n_jobs")
        sampler = self._sampler(len(rows), [self._seed(), self.t_])
        trainer.continue_on(examples, threads)
        training, weights = self._train(trainer, self._epochs(sampler, training_rows, 1), None, Stopping())
        self._warn_of_divergence(training)
        self.n_iter_ += 1
        self._publish(weights, examples)
        trainer.continue_on(examples.without_rows(), threads)
        self._trainer = trainer if training.diverged_at is None else None
        return self

    def _fit_weights(
        self, classifier: Classifier, examples: Examples, training_rows: Int64, validation: Examples | None, start: Float64
    ) -> AnyArray:
        """Return the weights (n_classes, n_columns) that minimise the objective of the training examples.

        What is learned on the way is set: n_iter_, t_, loss_curve_, best_loss_ and, with validation data, validation_losses_ and
        validation_scores_.
        """
        sampler = self._sampler(len(training_rows), self._seed())
        n_epochs, n_to_wait = self._n_epochs(sampler.n_steps)
        trainer = self._trainer_of(classifier, examples, training_rows, start, n_epochs * sampler.n_steps)
        stopping = Stopping(
            patience=n_to_wait if self.early_stopping else None,
            tol=None if self._is_annealed() or self.early_stopping else self.tol,
            n_iter_no_change=n_to_wait,
        )
        training, weights = self._train(trainer, self._epochs(sampler, training_rows, n_epochs), validation, stopping)
        self.n_iter_ = len(self.loss_curve_)
        if not self._warn_of_divergence(training):
            self._check_convergence(classifier, examples, training_rows, validation, weights)
        for name in ("validation_losses_", "validation_scores_"):
            if hasattr(self, name):
                delattr(self, name)
        if validation is not None:
            self.validation_losses_ = training.val_losses[: self.n_iter_]
            self.validation_scores_ = training.val_accuracies[: self.n_iter_]
        return weights

    def _train(
        self, trainer: Trainer, epochs: Iterable[Batches], validation: Examples | None, stopping: Stopping
    ) -> tuple[Training, AnyArray]:
        """Train, and set t_, loss_curve_ and best_loss_.

        Returns
        -------
        training : Training
        weights : array, shape (n_classes, n_columns)
            Finite: those of the best epoch after early stopping; after divergence those before the epoch in which it happened.
        """
        loop = TrainingLoop(trainer, validation, stopping)
        first_step, finite = trainer.n_steps, trainer.weights[0]
        for batches in epochs:
            goes_on = loop.epoch(batches)
            weights = trainer.weights[0]
            if loop.diverged_at[0] < 0:
                self.loss_curve_.append(float(loop.objectives[-1][0]))
                finite = weights if np.isfinite(weights).all() else finite
            if not goes_on:
                break
        training = loop.results()[0]
        self.t_ += trainer.n_steps - first_step
        self.best_loss_ = min(self.loss_curve_, default=np.inf)
        has_diverged = training.diverged_at is not None and not loop.is_restored(0)
        return training, finite if has_diverged else np.ascontiguousarray(training.W.T)

    def _begin(self, classes: AnyArray) -> None:
        """Start with these classes, at zero."""
        if len(classes) < 2:
            msg = f"y must hold at least two classes; got one class: {classes.tolist()}"
            raise ValueError(msg)
        self.classes_ = classes
        self._weights = np.zeros((len(classes), self.n_features_in_ + 1))
        self._trainer = None
        self.t_ = 0

    def _class_numbers(self, name: str, labels: AnyArray) -> Int64:
        """Return the place of each label among the classes."""
        class_numbers = places(name, labels, self.classes_)
        if (unknown := class_numbers < 0).any():
            msg = f"{name} must hold labels of the classes {self.classes_.tolist()}; got {labels[unknown][0]!r}"
            raise ValueError(msg)
        return class_numbers

    def _sample_weights(self, sample_weight: ArrayLike | None, labels: AnyArray, class_numbers: Int64) -> Float64 | None:
        """Return the weights of the examples, those of their classes included, or None if all are 1."""
        weights = None if sample_weight is None else check_sample_weight(sample_weight, len(labels))
        if self.class_weight is None:
            return weights
        try:
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=labels).astype(np.float64)
        except (TypeError, ValueError) as error:
            msg = f'class_weight must be a dict of numbers by label, "balanced" or None; got {self.class_weight!r}: {error}'
            raise (ValueError if isinstance(error, ValueError) else TypeError)(msg) from error
        if not (np.isfinite(factors) & (factors >= 0)).all():
            msg = f"class_weight must hold finite numbers that are not negative; got {self.class_weight!r}"
            raise ValueError(msg)
        factors = of_ordinary_size(factors)
        return check_sample_weight(factors[class_numbers] * (1.0 if weights is None else weights), len(labels))

    def _split(self, class_numbers: Int64) -> tuple[Int64, Int64]:
        """Return the numbers of the examples to train on and of those held out, with the same shares of the classes."""
        try:
            training_rows, held_out = train_test_split(
                np.arange(len(class_numbers), dtype=np.int64),
                test_size=self.validation_fraction,
                stratify=class_numbers,
                random_state=self._seed() % 2**32,
            )
        except ValueError as error:
            msg = f"validation_fraction must leave and hold out examples of each class: {error}"
            raise ValueError(msg) from error
        return np.sort(training_rows), np.sort(held_out)

    def _examples(
        self,
        rows: AnyArray,
        class_numbers: Int64,
        weights: Float64 | None,
        training_rows: Int64,
        trainer: Trainer | None = None,
    ) -> Examples:
        """Return the examples, standardised as those of `trainer`, or else by the training rows if that is asked for."""
        rows = _validation.check_rows("X", rows)
        if trainer is not None:
            return trainer.examples.with_rows(rows, class_numbers, weights)
        mean, std = None, None
        if self.standardize:
            shares = np.zeros(len(rows))
            shares[training_rows] = 1.0 if weights is None else weights[training_rows]
            mean, std = scaling.moments("X", rows, shares)
        return examples_of(
            rows,
            class_numbers,
            computing_dtype(rows.dtype),
            sample_weight=weights,
            mean=mean if self.fit_intercept else None,
            std=std,
            bias=bool(self.fit_intercept),
        )

    def _given_validation(self, examples: Examples, X_val: ArrayLike | None, y_val: ArrayLike | None) -> Examples | None:
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            msg = f"X_val and y_val must be given together; got only {'X_val' if y_val is None else 'y_val'}"
            raise ValueError(msg)
        dtypes = DTYPES[1:] if examples.dtype == np.float32 else DTYPES
        rows, labels = checked(self, X_val, y_val, names=("X_val", "y_val"), dtypes=dtypes, reset=False)
        return self._validation(examples, rows, self._class_numbers("y_val", labels), None)

    def _validation(self, examples: Examples, rows: AnyArray, class_numbers: Int64, weights: AnyArray | None) -> Examples:
        checked = None if weights is None else check_sample_weight(weights, len(rows))
        return examples.with_rows(_validation.check_rows("X_val", rows), class_numbers, checked)

    def _warn_of_divergence(self, training: Training) -> bool:
        """Warn if the training has diverged, or its loss has grown, and return whether that is so."""
        advice = f"try a learning_rate below {self.learning_rate_:.3g}, standardize=True, or weights that are not so large"
        baseline = self._loss_at_zero()
        if training.diverged_at is not None:
            msg = (
                f"training diverged at step {training.diverged_at}, whose loss was not finite; weights of an earlier epoch "
                f"are kept; {advice}"
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=4)
        elif baseline > 0 and self.loss_curve_[-1] > 2 * baseline:
            last = self.loss_curve_[-1]
            msg = f"the loss of the last epoch, {last:.3g}, is far above that of zero weights, {baseline:.3g}; {advice}"
            warnings.warn(msg, ConvergenceWarning, stacklevel=4)
        else:
            return False
        return True

    def _check_convergence(
        self, classifier: Classifier, examples: Examples, training_rows: Int64, validation: Examples | None, weights: AnyArray
    ) -> None:
        """Warn if one step would lower the objective by much, or with early stopping the loss that it watches."""
        if len(training_rows) < len(examples.rows):
            shares = np.zeros(len(examples.rows))
            shares[training_rows] = examples.sample_weights[training_rows] if examples.sample_weights.size else 1.0
            examples = examples._replace(sample_weights=shares)
        watched = validation if self.early_stopping else None
        threads = _validation.check_n_threads(self.n_jobs, "n_jobs")
        missing = possible_decrease(
            examples, watched, classifier, weights, penalize_bias=bool(self.penalize_intercept), n_threads=threads
        )
        baseline = self._loss_at_zero()
        if missing > _FAR * baseline > 0:
            what = "validation loss" if self.early_stopping else "objective"
            remedies = ["standardize=True"] * (not self.standardize) + [f"more epochs than {self.n_iter_} (max_epochs)"]
            msg = (
                f"training ended far from the minimum: one step along the gradient of standardised features lowers the {what} by "
                f"{missing:.3g} more, {missing / baseline:.0%} of the loss of zero weights; try {', '.join(remedies)} or another "
                "learning_rate"
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=4)

    def _publish(self, weights: AnyArray, examples: Examples) -> None:
        """Set the attributes that scikit-learn's linear classifiers have."""
        self._weights = scaling.for_features(weights, examples)
        rows = self._weights if len(self.classes_) > 2 else self._weights[1:] - self._weights[:1]
        with np.errstate(over="ignore"):
            rows = rows.astype(examples.dtype)
        if not np.isfinite(rows).all():
            msg = f"X must hold features whose weights fit {examples.dtype}; got some that deviate too little, or lie too far off"
            raise ValueError(msg)
        self.coef_, self.intercept_ = rows[:, :-1].copy(), rows[:, -1].copy()

    def decision_function(self, X: ArrayLike) -> AnyArray:
        """Compute the scores.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            float32, float64, float16, uint8 or int8 are read in place.

        Returns
        -------
        array, shape (n_samples, n_classes), or (n_samples,) for two classes
            The scores of the classes; of two, how much the second's exceeds the first's. float64 if X or `coef_` is, else
            float32.
        """
        check_is_fitted(self, "coef_")
        rows = _validation.check_rows("X", checked(self, X, reset=False))
        weights = np.column_stack([self.coef_, self.intercept_])  # at once: another thread may fit again
        scores = linear_scores(rows, weights, _validation.check_n_threads(self.n_jobs, "n_jobs"))
        return scores[:, 0] if len(weights) == 1 else scores

    def predict(self, X: ArrayLike) -> AnyArray:
        """Predict the class with the largest score; of equal ones the first.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)

        Returns
        -------
        array, shape (n_samples,)
        """
        scores = self.decision_function(X)
        best = (scores > 0).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
        labels: AnyArray = self.classes_[best]
        return labels
