"""What follows from the choice of a metric: its line here is what a strategy asks."""

from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """How rows are compared."""

    adds: Literal["squares", "differences", "products"]  # of features: what a canonical distance adds up
    of_directions: bool = False  # rows are divided by their norms first
    largest_first: bool = False

    @property
    def norm(self) -> int:
        """The order of the norm that bounds what rounding a row changes."""
        return 1 if self.adds == "differences" else 2


METRICS = {
    "euclidean": Metric("squares"),
    "sqeuclidean": Metric("squares"),
    "manhattan": Metric("differences"),
    "cosine": Metric("squares", of_directions=True),
    "inner_product": Metric("products", largest_first=True),
}
