"""Stochastic gradient descent with momentum."""

from typing import ClassVar

from deeprob_fast._scalars import check_real
from deeprob_fast._typing import Hyperparameters
from deeprob_fast.optim.optimizer import Optimizer, State


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum on demand.

    v = momentum * v + (1 - dampening) * g, from v = g at the first step; w -= lr * v, or with `nesterov`
    w -= lr * (g + momentum * v). This is the lecture's convention: the learning rate stands outside the velocity.

    Parameters
    ----------
    lr : float
        Learning rate.
    momentum : float
        The share of the velocity that stays (rho, "friction"); 0 for none.
    dampening : float
        Taken off the gradient's share of the velocity, but not at the first step.
    weight_decay : float
        weight_decay * w is added to the gradient: that of weight_decay / 2 * sum(w**2).
    nesterov : bool
        Nesterov's momentum, in the form whose stored parameters are the look-ahead point.
    maximize : bool
        Climb instead.

    Raises
    ------
    ValueError
        If a value is out of its range, or `nesterov` lacks momentum or has dampening.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning (ICML 2013).

    Examples
    --------
    >>> import numpy as np
    >>> from deeprob_fast import optim
    >>> w = np.array([1.0, -2.0])
    >>> optimizer = optim.SGD(lr=0.5, momentum=0.5)
    >>> optimizer.step(w, 2 * w)  # of sum(w**2)
    >>> optimizer.step(w, 2 * w)
    >>> w
    array([-0.5,  1. ])
    """

    rule: ClassVar[str] = "sgd"
    _hyperparameter_names = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")

    def __init__(
        self,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        self.lr = lr
        self.momentum = momentum
        self.dampening = dampening
        self.weight_decay = weight_decay
        self.nesterov = nesterov
        self.maximize = maximize
        super().__init__()

    def hyperparameters(self) -> Hyperparameters:  # noqa: D102  # inherited
        momentum = check_real("momentum", self.momentum, 0)
        dampening = check_real("dampening", self.dampening, float("-inf"))
        if self.nesterov and not (momentum > 0 and dampening == 0):
            msg = (
                "nesterov must come with momentum above 0 and dampening 0; "
                f"got momentum {self.momentum!r} and dampening {self.dampening!r}"
            )
            raise ValueError(msg)
        return Hyperparameters(
            learning_rate=check_real("lr", self.lr, 0),
            momentum=momentum,
            dampening=dampening,
            weight_decay=check_real("weight_decay", self.weight_decay, 0),
            nesterov=bool(self.nesterov),
            maximize=bool(self.maximize),
        )

    @property
    def slot_names(self) -> tuple[str, ...]:  # noqa: D102  # inherited
        return ("momentum_buffer",) if self.momentum != 0 else ()

    def _kernel_step(self, state: State, names_before: tuple[str, ...]) -> int:
        # The velocity starts as the gradient whenever it starts, even when momentum was switched on later.
        return 1 if names_before != state.names else state.step
