"""What follows from the choice of a metric: its line here is what a strategy asks."""

from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """How rows are compared."""

    adds: Literal["squares", "differences", "largest", "products"]  # of features: what a distance adds up; the largest difference
    of_directions: bool = False  # rows are divided by their norms first
    largest_first: bool = False

    @property
    def norm(self) -> int:
        """The order of the norm that bounds what rounding a row to bytes changes."""
        return 1 if self.adds == "differences" else 2

    @property
    def of_differences(self) -> bool:
        """Whether absolute differences are compared, which do not cancel."""
        return self.adds in ("differences", "largest")


METRICS = {
    "euclidean": Metric("squares"),
    "sqeuclidean": Metric("squares"),
    "manhattan": Metric("differences"),
    "chebyshev": Metric("largest"),
    "cosine": Metric("squares", of_directions=True),
    "inner_product": Metric("products", largest_first=True),
}
