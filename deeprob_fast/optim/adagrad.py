"""Adagrad."""

from typing import ClassVar

from numpy.typing import DTypeLike

from deeprob_fast._scalars import check_real
from deeprob_fast._typing import AnyArray, Hyperparameters
from deeprob_fast.optim.optimizer import Optimizer


class Adagrad(Optimizer):
    """Adagrad: steps divided by the root of the sum of all squared gradients.

    s += g**2; w -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps).

    Parameters
    ----------
    lr : float
        Learning rate.
    lr_decay : float
        How fast the learning rate falls with the number of steps.
    weight_decay : float
        weight_decay * w is added to the gradient.
    initial_accumulator_value : float
        Where the sum starts.
    eps : float
        Added outside the root.
    maximize : bool
        Climb instead.

    Raises
    ------
    ValueError
        If a value is out of its range.

    References
    ----------
    Duchi, Hazan, Singer: Adaptive subgradient methods for online learning and stochastic optimization (JMLR 2011).

    Examples
    --------
    >>> import numpy as np
    >>> from deeprob_fast import optim
    >>> w = np.array([1.0, -2.0])
    >>> optim.Adagrad(lr=0.5, eps=0).step(w, 2 * w)  # the first step only sees signs
    >>> w
    array([ 0.5, -1.5])
    """

    rule: ClassVar[str] = "adagrad"
    _hyperparameter_names = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps", "maximize")

    def __init__(
        self,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        self.lr = lr
        self.lr_decay = lr_decay
        self.weight_decay = weight_decay
        self.initial_accumulator_value = initial_accumulator_value
        self.eps = eps
        self.maximize = maximize
        super().__init__()

    def hyperparameters(self) -> Hyperparameters:  # noqa: D102  # inherited
        check_real("initial_accumulator_value", self.initial_accumulator_value, 0)
        return Hyperparameters(
            learning_rate=check_real("lr", self.lr, 0),
            lr_decay=check_real("lr_decay", self.lr_decay, 0),
            weight_decay=check_real("weight_decay", self.weight_decay, 0),
            eps=check_real("eps", self.eps, 0),
            maximize=bool(self.maximize),
        )

    @property
    def slot_names(self) -> tuple[str, ...]:  # noqa: D102  # inherited
        return ("sum",)

    def new_slots(self, size: int, dtype: DTypeLike) -> AnyArray:  # noqa: D102  # inherited
        slots = super().new_slots(size, dtype)
        slots.fill(self.initial_accumulator_value)
        return slots
