"""How far a probe is: fits of which each says how near its end it is."""

import math
from collections.abc import Callable

_NEARLY = 0.99  # more is told by those who know that nothing is left


class Fits:
    """Counts fits, and tells the fraction that is done, which never shrinks.

    Parameters
    ----------
    total : int
        How many fits are to be expected.
    tell : callable or None
        Called with the fraction, a float in (0, 1).
    """

    def __init__(self, total: int, tell: Callable[[float], object] | None) -> None:
        self._total = total
        self._tell = tell
        self._n_done = 0
        self._told = 0.0

    def within(self, fraction: float) -> None:
        """Tell that the present fit is done so far."""
        share = min((self._n_done + fraction) / self._total, _NEARLY)
        if self._tell is not None and share > self._told:
            self._told = share
            self._tell(share)

    def done(self) -> None:
        """Tell that the present fit is done."""
        self._n_done += 1
        self.within(0.0)


class Descent:
    """Tells how far a solver is by its gap, which shrinks by about the same factor in each step.

    Parameters
    ----------
    fits : Fits
    tol : float
        The share of the loss at which the gap is small enough.
    """

    def __init__(self, fits: Fits, tol: float) -> None:
        self._fits = fits
        self._tol = max(tol, 1e-12)
        self._first = 0.0

    def __call__(self, value: float, gap: float) -> None:
        """Take the loss and the gap of a step."""
        target = self._tol * abs(value)
        if not (math.isfinite(gap) and gap > 0 and target > 0):
            return
        self._first = max(self._first, gap)
        if self._first > target:
            self._fits.within(min(1.0, math.log(self._first / gap) / math.log(self._first / target)))
