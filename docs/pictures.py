"""Compute the pictures of docs/guide/plots.md and figures.md: python docs/pictures.py [folder of pypi-minilm-384.npz].

Needs matplotlib, and Fashion-MNIST where Debian puts it. The sentence embeddings are left out if they are not there.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure

import deeprob_fast as df
from deeprob_fast import plots
from deeprob_fast._typing import AnyArray
from deeprob_fast.scoring.accuracy import confusion_matrix

IMAGES = Path(__file__).parent / "images"
CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
SHAPE = (28, 28)


def save(name: str, figure: "Figure | SubFigure") -> None:
    """Write a picture of few colours, which is small."""
    from PIL import Image

    path = IMAGES / f"{name}.png"
    assert isinstance(figure, Figure)
    figure.savefig(path, dpi=100)
    # An octree keeps rare colours, such as that of one line among many.
    Image.open(path).convert("RGB").quantize(256, Image.Quantize.FASTOCTREE).save(path, optimize=True)
    sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


def cross_validation(X: AnyArray, y: AnyArray) -> None:
    """Cross-validate k in five folds, as they lie."""
    result = df.knn_cross_validate(X, y, num_folds=5)
    save("cross_validation", plots.CrossValidationDisplay.from_results(result).figure_)


def knn_accuracy(train: AnyArray, labels: AnyArray, queries: AnyArray, truth: AnyArray) -> None:
    """Evaluate weighted votes with several temperatures."""
    k_values = (1, 2, 5, 10, 20, 50, 100, 200)
    found = df.evaluate_knn(
        train, labels, queries, truth, k=k_values, metric="cosine", weights="softmax", temperature=(0.03, 0.07, 0.2)
    )
    save("knn_accuracy", plots.KNNAccuracyDisplay.from_evaluation(found).figure_)


def losses_and_sweep(X: AnyArray, y: AnyArray, X_val: AnyArray, y_val: AnyArray) -> None:
    """Train on clothes, with one setting and with many."""
    data = {"X_val": X_val, "y_val": y_val, "mean": np.full(784, 128.0), "std": np.full(784, 64.0), "bias": True}
    training = df.train(X, y, learning_rate=0.003, n_epochs=8, **data)
    save("loss_curve", plots.LossCurveDisplay.from_training(training, log=True).figure_)
    grid = {"learning_rate": [1e-4, 1e-3, 1e-2, 1e-1, 1e2], "reg": [1e-4, 1e-3, 1e-2, 1e-1, 1.0], "loss": ["weston_watkins"]}
    save("sweep", plots.SweepDisplay.from_sweep(df.sweep(X, y, grid, n_epochs=3, dtype="float32", **data)).figure_)


def clothes(train: AnyArray, labels: AnyArray, test: AnyArray, truth: AnyArray) -> None:
    """Draw templates, neighbours and confusions."""
    model = df.SoftmaxClassifier(random_state=0, max_epochs=5, reg=30.0).fit(train, labels)
    save("templates", plots.TemplatesDisplay.from_estimator(model, SHAPE, CLOTHES).figure_)
    chosen = np.array([np.flatnonzero(truth == number)[3] for number in (6, 8, 7, 4)])
    neighbors = df.nearest_neighbors(train, test[chosen], 6)
    display = plots.NeighborsDisplay.from_neighbors(neighbors, test[chosen], train, SHAPE, labels, truth[chosen], CLOTHES)
    save("neighbors", display.figure_)
    matrix = confusion_matrix(truth, model.predict(test), 10)
    save("confusion_matrix", plots.ConfusionMatrixDisplay.from_matrix(matrix, CLOTHES).figure_)
    display = plots.ReliabilityDisplay.from_probabilities(truth, model.predict_proba(test))
    save("reliability", display.figure_)


def regions() -> None:
    """Draw the regions of a linear classifier and of nearest neighbours."""
    from matplotlib import pyplot as plt

    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(center, 0.55, (40, 2)) for center in ((0, 0), (2, 0.4), (0.8, 1.8))])
    y = np.repeat([0, 1, 2], 40)
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 4), layout="constrained")
    plots.DecisionRegionsDisplay.from_estimator(df.LinearSVM(random_state=0).fit(X, y), X, y, ax=axes[0])
    plots.DecisionRegionsDisplay.from_estimator(df.KNeighborsClassifier(n_neighbors=3).fit(X, y), X, y, ax=axes[1])
    axes[0].get_legend().remove()
    axes[0].set_title("linear support vector machine")
    axes[1].set_title("3 nearest neighbours")
    save("decision_regions", figure)


def lecture() -> None:
    """Draw the lecture's figures."""
    for name in df.figures.NAMES:
        save(f"lecture/{name}", df.figures.draw(name))


def main() -> None:
    """Write all pictures."""
    mpl.use("Agg")
    (IMAGES / "lecture").mkdir(parents=True, exist_ok=True)
    lecture()
    fashion = df.datasets.load("fashion-mnist")
    cross_validation(fashion.train[:5000], fashion.train_labels[:5000])
    losses_and_sweep(fashion.train[:20000], fashion.train_labels[:20000], fashion.test[:5000], fashion.test_labels[:5000])
    clothes(fashion.train, fashion.train_labels, fashion.test, fashion.test_labels)
    regions()
    for folder in sys.argv[1:]:
        embeddings = df.datasets.load(Path(folder) / "pypi-minilm-384.npz")
        knn_accuracy(embeddings.train, embeddings.train_labels, embeddings.test, embeddings.test_labels)


if __name__ == "__main__":
    main()
