"""Search of a grid from coarse to fine."""

from collections.abc import Callable, Sequence


def best_of(merits: dict[int, float]) -> int:
    """Return the number with the largest merit; of equal ones the first."""
    return max(sorted(merits), key=lambda i: merits[i])


def n_visits(n: int, stride: int) -> int:
    """Return how many numbers `coarse_to_fine` evaluates at most."""
    visits = len({*range(0, n, stride), n - 1})
    while stride > 1:
        stride = (stride + 1) // 2
        visits += 2
    return min(visits, n)


def coarse_to_fine(n: int, stride: int, evaluate: Callable[[Sequence[int]], Sequence[float]]) -> dict[int, float]:
    """Evaluate some of the numbers 0 to n - 1: every `stride`-th, then both sides of the best, halving the distance to it.

    Parameters
    ----------
    n, stride : int
        A stride of 1 visits everything.
    evaluate : callable
        From numbers, ascending, to their merits; called once a round.

    Returns
    -------
    dict
        The merit of each number that was visited.
    """
    merits: dict[int, float] = {}
    wanted = sorted({*range(0, n, stride), n - 1})
    while True:
        new = [i for i in wanted if 0 <= i < n and i not in merits]
        merits.update(zip(new, evaluate(new) if new else [], strict=True))
        if stride == 1:
            return merits
        stride = (stride + 1) // 2
        peak = best_of(merits)
        wanted = [peak - stride, peak + stride]
