"""RMSprop."""

from typing import ClassVar

from deeprob_fast._scalars import check_real
from deeprob_fast._typing import Hyperparameters
from deeprob_fast.optim.optimizer import Optimizer


class RMSprop(Optimizer):
    """RMSprop: steps divided by the root of a running mean of squared gradients.

    v = alpha * v + (1 - alpha) * g**2; w -= lr * g / (sqrt(v) + eps). `centered`, v - mean(g)**2 stands under the root. With
    momentum, b = momentum * b + g / (sqrt(v) + eps) and w -= lr * b.

    Parameters
    ----------
    lr : float
        Learning rate.
    alpha : float
        The share of the mean that stays.
    eps : float
        Added outside the root.
    weight_decay : float
        weight_decay * w is added to the gradient.
    momentum : float
        The share of the velocity that stays; 0 for none.
    centered : bool
        Divide by the estimated standard deviation of the gradient.
    maximize : bool
        Climb instead.

    Raises
    ------
    ValueError
        If a value is out of its range.

    References
    ----------
    Tieleman, Hinton: Lecture 6.5 of Neural networks for machine learning (2012). Graves: Generating sequences with recurrent
    neural networks (arXiv:1308.0850), for the centered form.

    Examples
    --------
    >>> import numpy as np
    >>> from deeprob_fast import optim
    >>> w = np.array([1.0, -2.0])
    >>> optim.RMSprop(lr=0.1, alpha=0.75, eps=0).step(w, 2 * w)  # 0.1 / sqrt(1 - alpha) against each sign
    >>> w
    array([ 0.8, -1.8])
    """

    rule: ClassVar[str] = "rmsprop"
    _hyperparameter_names = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.centered = centered
        self.maximize = maximize
        super().__init__()

    def hyperparameters(self) -> Hyperparameters:  # noqa: D102  # inherited
        return Hyperparameters(
            learning_rate=check_real("lr", self.lr, 0),
            alpha=check_real("alpha", self.alpha, 0, 1),
            eps=check_real("eps", self.eps, 0),
            weight_decay=check_real("weight_decay", self.weight_decay, 0),
            momentum=check_real("momentum", self.momentum, 0),
            centered=bool(self.centered),
            maximize=bool(self.maximize),
        )

    @property
    def slot_names(self) -> tuple[str, ...]:  # noqa: D102  # inherited
        return ("square_avg", *["grad_avg"] * bool(self.centered), *["momentum_buffer"] * (self.momentum > 0))
