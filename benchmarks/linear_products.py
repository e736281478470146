"""Time the products of linear classifiers against Eigen's, block by block: `python benchmarks/linear_products.py`."""

import ctypes
from pathlib import Path

from native import compiled

_CLASSES = (2, 10, 24, 100, 1000)
_FEATURES = (64, 384, 784, 3072)
_REPEATS = 300


def main() -> None:
    """Print how many times longer Eigen takes for the scores and for the gradient of one block, on one thread."""
    library = compiled(Path(__file__).with_suffix(".cpp"))
    if isinstance(library, str):
        raise SystemExit(library)
    library.linear_products.restype = ctypes.c_bool
    best = (ctypes.c_double * 4)()
    n_rows, width = ctypes.c_ssize_t(), ctypes.c_ssize_t()
    print("| classes | features | rows x columns | scores: Eigen / ours | GFLOP/s | gradient: Eigen / ours | GFLOP/s |")
    print("|---|---|---|---|---|---|---|")
    for n_classes in _CLASSES:
        for n_features in _FEATURES:
            size = (ctypes.c_ssize_t(number) for number in (n_classes, n_features, _REPEATS))
            if not library.linear_products(*size, best, ctypes.byref(n_rows), ctypes.byref(width)):
                msg = f"the products of {n_classes} classes and {n_features} features differ"
                raise SystemExit(msg)
            gflop = 2e-9 * n_classes * n_rows.value * width.value
            scores, eigen_scores, gradient, eigen_gradient = best
            cells = (
                n_classes,
                n_features,
                f"{n_rows.value} x {width.value}",
                f"{eigen_scores / scores:.2f}",
                f"{gflop / scores:.0f}",
                f"{eigen_gradient / gradient:.2f}",
                f"{gflop / gradient:.0f}",
            )
            print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
