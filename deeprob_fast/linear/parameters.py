"""The parameters of the linear classifiers as estimators, and how they become training."""

import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.linear import settings
from deeprob_fast.linear.batches import Batches, Sampler
from deeprob_fast.linear.classifiers import Classifier, Trainer
from deeprob_fast.linear.examples import Examples
from deeprob_fast.linear.step_size import auto_learning_rate
from deeprob_fast.optim import CosineAnnealingLR, Optimizer

# "auto": as many epochs as make enough steps, within bounds.
_STEPS = 2000
_EPOCHS = (20, 1000)
_WAIT_EPOCHS, _WAIT_STEPS = 5, 100


class Parameters(BaseEstimator):
    """What subclasses take as parameters, stored as given and checked when fitting."""

    optimizer: str | Optimizer
    learning_rate: float | str
    momentum: float
    nesterov: bool
    schedule: str | Callable[[Optimizer], Any] | None
    reg: float
    penalty: str
    l1_ratio: float
    batch_size: int | None
    max_epochs: int | str
    tol: float | None
    n_iter_no_change: int | str
    early_stopping: bool
    validation_fraction: float
    fit_intercept: bool
    penalize_intercept: bool
    standardize: bool
    class_weight: Mapping[Any, float] | str | None
    warm_start: bool
    shuffle: bool
    random_state: Any
    n_jobs: int | None

    def _take(self, arguments: dict[str, Any]) -> None:
        """Store the arguments of a constructor as they are: scikit-learn wants nothing else of it."""
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def _loss(self) -> tuple[str, float]:
        """Return the name of the loss and the margin."""
        raise NotImplementedError

    def _loss_at_zero(self) -> float:
        """Return what an example loses where all weights are 0."""
        raise NotImplementedError

    def _classifier(self) -> Classifier:
        """Check the parameters, and return what the kernels need of them."""
        if isinstance(self.learning_rate, str):
            _scalars.check_choice("learning_rate", self.learning_rate, ("auto",))
        else:
            _scalars.check_positive("learning_rate", self.learning_rate)
        if isinstance(self.schedule, str):
            _scalars.check_choice("schedule", self.schedule, ("constant", "cosine"))
        if self.batch_size is not None:
            _scalars.check_integer("batch_size", self.batch_size, 1, 2**53, "examples, or None for all")
        for name in ("max_epochs", "n_iter_no_change"):
            value = getattr(self, name)
            if isinstance(value, str):
                _scalars.check_choice(name, value, ("auto",))
            else:
                _scalars.check_integer(name, value, 1, 2**31, "epochs")
        if self.tol is not None:
            _scalars.check_real("tol", self.tol, 0)
        _scalars.check_real("validation_fraction", self.validation_fraction, 0, 1, below=True)
        by_name = self._is_plain_sgd()
        loss, delta = self._loss()
        return settings.classifier_of(
            {
                "loss": loss,
                "delta": delta,
                "reg": self.reg,
                "penalty": self.penalty,
                "l1_ratio": self.l1_ratio,
                "optimizer": self.optimizer,
                "learning_rate": None if isinstance(self.learning_rate, str) else self.learning_rate,
                "momentum": self.momentum if by_name else None,
                "nesterov": self.nesterov if by_name else None,
                "schedule": None if isinstance(self.schedule, str) else self.schedule,
            }
        )

    def _is_plain_sgd(self) -> bool:
        return isinstance(self.optimizer, str) and self.optimizer == "sgd"

    def _is_annealed(self) -> bool:
        return isinstance(self.schedule, str) and self.schedule == "cosine"

    def _seed(self) -> int:
        """Return the random state if it is a number, else a number drawn from it."""
        if isinstance(self.random_state, numbers.Integral):
            return _scalars.check_integer("random_state", self.random_state, 0, 2**63 - 1, "a seed")
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _sampler(self, n_examples: int, seed: int | list[int]) -> Sampler:
        return Sampler(n_examples, self.batch_size, replacement=False, seed=seed)

    def _epochs(self, sampler: Sampler, training_rows: Int64, n_epochs: int) -> Iterator[Batches]:
        for _ in range(n_epochs):
            batches = sampler.epoch()
            yield batches._replace(order=training_rows[batches.order] if self.shuffle else training_rows)

    def _n_epochs(self, n_steps: int) -> tuple[int, int]:
        """Return how many epochs of so many steps to train, and how many to wait for an improvement."""
        epochs = int(np.clip(-(-_STEPS // n_steps), *_EPOCHS))
        wait = max(_WAIT_EPOCHS, -(-_WAIT_STEPS // n_steps))
        return (
            epochs if isinstance(self.max_epochs, str) else int(self.max_epochs),
            wait if isinstance(self.n_iter_no_change, str) else int(self.n_iter_no_change),
        )

    def _trainer_of(
        self, classifier: Classifier, examples: Examples, training_rows: Int64, start: AnyArray, n_steps: int | None
    ) -> Trainer:
        """Return a trainer of this classifier; what depends on the examples or on the number of steps is decided here."""
        batch_size = len(training_rows) if self.batch_size is None else min(self.batch_size, len(training_rows))
        if isinstance(self.learning_rate, str) and self._is_plain_sgd():
            rate = auto_learning_rate(
                examples,
                training_rows,
                batch_size,
                classifier.loss,
                len(start),
                classifier.l2,
                self.momentum,
                self.nesterov,
            )
            classifier = classifier._replace(optimizer=settings.make_optimizer(classifier.optimizer, lr=rate))
        self.learning_rate_ = classifier.optimizer.lr
        if self._is_annealed() and n_steps is not None:
            classifier = classifier._replace(schedule=lambda optimizer: CosineAnnealingLR(optimizer, n_steps))
        return Trainer(
            examples,
            [classifier],
            start[np.newaxis],
            penalize_bias=bool(self.penalize_intercept),
            every_step=True,
            n_threads=_validation.check_n_threads(self.n_jobs, "n_jobs"),
        )
