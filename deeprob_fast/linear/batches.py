"""Streams of minibatches: which examples the steps of training see."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import ArrayLike, Int64


class Batches(NamedTuple):
    """Minibatches in a row: batch i is ``order[starts[i]:starts[i + 1]]``."""

    order: Int64
    starts: Int64

    @property
    def n_steps(self) -> int:
        """How many batches there are."""
        return len(self.starts) - 1


def check_batch(name: str, batch: ArrayLike, n_examples: int) -> Int64:
    """Return the numbers of the examples of a batch, at least one, in an array that nobody else can change."""
    array = _validation.as_numbers(name, batch).copy()
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        msg = f"{name} must be a 1-D array of at least one row number; got {array.dtype} of shape {array.shape}"
        raise ValueError(msg)
    wrong = array[(array < 0) | (array >= n_examples)]
    if wrong.size:
        msg = f"{name} must hold row numbers from 0 to {n_examples - 1}; got {wrong[0]}"
        raise ValueError(msg)
    return array.astype(np.int64, copy=False)


def as_given(batches: Sequence[ArrayLike], n_examples: int) -> Batches:
    """Return batches that the caller has drawn."""
    several = _scalars.check_sequence("batches", batches, "arrays of row numbers")
    if not len(several):
        msg = "batches must hold at least one batch; got none"
        raise ValueError(msg)
    arrays = [check_batch(f"batches[{i}]", batch, n_examples) for i, batch in enumerate(several)]
    return Batches(np.concatenate(arrays), np.cumsum([0, *map(len, arrays)], dtype=np.int64))


class Sampler:
    """Draws the batches of one epoch after the other.

    Parameters
    ----------
    n_examples : int
    batch_size : int or None
        None: all examples in their order, which makes gradient descent.
    replacement : bool
        Whether a batch is drawn with replacement; without, an epoch is a permutation, whose last batch may be smaller.
    seed : int or list of int
    """

    def __init__(self, n_examples: int, batch_size: int | None, *, replacement: bool, seed: int | list[int]) -> None:
        self.n_examples = n_examples
        self.batch_size = n_examples if batch_size is None else min(batch_size, n_examples)
        self.whole = batch_size is None
        self.replacement = replacement
        self._random = np.random.default_rng(seed)

    @property
    def n_steps(self) -> int:
        """How many batches an epoch has."""
        return -(-self.n_examples // self.batch_size)

    def epoch(self) -> Batches:
        """Draw the batches of an epoch."""
        starts = np.minimum(np.arange(self.n_steps + 1) * self.batch_size, self.n_examples).astype(np.int64)
        if self.whole:
            return Batches(np.arange(self.n_examples, dtype=np.int64), starts)
        if self.replacement:
            starts = np.arange(self.n_steps + 1, dtype=np.int64) * self.batch_size
            return Batches(self._random.integers(0, self.n_examples, int(starts[-1])), starts)
        return Batches(self._random.permutation(self.n_examples), starts)


_DEFAULT_EPOCHS = 10
_MANY = 2**53


class Plan:
    """How long to train, and on which batches."""

    def __init__(
        self,
        n_examples: int,
        batch_size: int | None,
        replacement: bool,
        n_epochs: int | None,
        n_steps: int | None,
        drawn: Batches | None,
    ) -> None:
        if sum(value is not None for value in (n_epochs, n_steps, drawn)) > 1:
            msg = "only one of n_epochs, n_steps and batches can be given"
            raise ValueError(msg)
        if batch_size is not None:
            batch_size = _scalars.check_integer("batch_size", batch_size, 1, _MANY, "examples")
        self.n_epochs = _DEFAULT_EPOCHS if n_epochs is None else _scalars.check_integer("n_epochs", n_epochs, 1, _MANY, "epochs")
        self.n_steps = None if n_steps is None else _scalars.check_integer("n_steps", n_steps, 1, _MANY, "steps")
        self.drawn = drawn
        self._sampler_arguments = (n_examples, batch_size, replacement)

    def count(self) -> int:
        """Return the number of steps of one seed."""
        if self.drawn is not None:
            return self.drawn.n_steps
        n_examples, batch_size, replacement = self._sampler_arguments
        if self.n_steps is not None:
            return self.n_steps
        return self.n_epochs * Sampler(n_examples, batch_size, replacement=replacement, seed=0).n_steps

    def epochs(self, seed: int) -> Iterator[Batches]:
        """Draw epoch after epoch; the last one is cut where the steps end."""
        if self.drawn is not None:
            yield self.drawn
            return
        n_examples, batch_size, replacement = self._sampler_arguments
        sampler = Sampler(n_examples, batch_size, replacement=replacement, seed=seed)
        left = self.count()
        while left > 0:
            epoch = sampler.epoch()
            yield Batches(epoch.order, epoch.starts[: left + 1])
            left -= epoch.n_steps
