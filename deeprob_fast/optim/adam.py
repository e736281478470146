"""Adam and AdamW."""

from typing import Any, ClassVar

from deeprob_fast._scalars import check_real
from deeprob_fast._typing import Hyperparameters
from deeprob_fast.optim.optimizer import Optimizer


class Adam(Optimizer):
    """Adam: running means of gradients and of their squares, corrected for their start at zero.

    m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g**2;
    w -= lr / (1 - beta1**step) * m / (sqrt(v) / sqrt(1 - beta2**step) + eps).

    Parameters
    ----------
    lr : float
        Learning rate.
    betas : tuple of two floats
        The shares of the two means that stay, in [0, 1).
    eps : float
        Added outside the root.
    weight_decay : float
        weight_decay * w is added to the gradient.
    amsgrad : bool
        Divide by the largest v so far.
    maximize : bool
        Climb instead.
    decoupled_weight_decay : bool
        w is multiplied by 1 - lr * weight_decay instead, as in `AdamW`.

    Raises
    ------
    ValueError
        If a value is out of its range.

    References
    ----------
    Kingma, Ba: Adam: a method for stochastic optimization (ICLR 2015). Reddi, Kale, Kumar: On the convergence of Adam and beyond
    (ICLR 2018), for `amsgrad`; the maximum is taken of v before its correction, as in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from deeprob_fast import optim
    >>> w = np.array([1.0, -2.0])
    >>> optim.Adam(lr=0.5, eps=0).step(w, 2 * w)  # the first step only sees signs
    >>> w.round(12)
    array([ 0.5, -1.5])
    """

    rule: ClassVar[str] = "adam"
    _hyperparameter_names = ("lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay")

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.amsgrad = amsgrad
        self.maximize = maximize
        self.decoupled_weight_decay = decoupled_weight_decay
        super().__init__()

    def hyperparameters(self) -> Hyperparameters:  # noqa: D102  # inherited
        betas: Any = self.betas
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            msg = f"betas must be two numbers; got {betas!r}"
            raise ValueError(msg)
        return Hyperparameters(
            learning_rate=check_real("lr", self.lr, 0),
            beta1=check_real("betas[0]", betas[0], 0, 1, below=True),
            beta2=check_real("betas[1]", betas[1], 0, 1, below=True),
            eps=check_real("eps", self.eps, 0),
            weight_decay=check_real("weight_decay", self.weight_decay, 0),
            amsgrad=bool(self.amsgrad),
            decoupled=bool(self.decoupled_weight_decay),
            maximize=bool(self.maximize),
        )

    @property
    def slot_names(self) -> tuple[str, ...]:  # noqa: D102  # inherited
        return ("exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * bool(self.amsgrad))


class AdamW(Adam):
    """Adam with decoupled weight decay: w is multiplied by 1 - lr * weight_decay before the step.

    Parameters
    ----------
    lr : float
        Learning rate; the decay falls with it.
    betas : tuple of two floats
        The shares of the two means that stay, in [0, 1).
    eps : float
        Added outside the root.
    weight_decay : float
        The decay does not pass through the means.
    amsgrad : bool
        Divide by the largest v so far.
    maximize : bool
        Climb instead.

    Raises
    ------
    ValueError
        If a value is out of its range.

    References
    ----------
    Loshchilov, Hutter: Decoupled weight decay regularization (ICLR 2019).

    Examples
    --------
    >>> import numpy as np
    >>> from deeprob_fast import optim
    >>> w = np.array([1.0, -2.0])
    >>> optim.AdamW(lr=0.5, weight_decay=0.5).step(w, 0 * w)  # no gradient: the decay alone
    >>> w
    array([ 0.75, -1.5 ])
    """

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)
