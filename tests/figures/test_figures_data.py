"""The lecture's figures of data and classifiers: their numbers."""

import functools
import itertools
import math
import statistics

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.figures import (
    cross_validation,
    curse_of_dimensionality,
    equal_distance_images,
    knn_regions,
    l1_l2,
    linear_viewpoints,
    regularisation,
    svm_and_softmax,
    svm_margin,
)


@functools.cache
def numbers(module):
    return module.compute()


def test_one_neighbour_learns_all_by_heart():
    toy, noisy = numbers(knn_regions)
    assert toy.X.shape == (20, 2)
    assert set(toy.y.tolist()) == set(range(5))
    for found in (toy, noisy):
        assert found.train_accuracy[1] == 1
        assert found.train_accuracy[1] > found.train_accuracy[3] > found.train_accuracy[5]
        for k, votes in found.votes.items():
            model = df.KNeighborsClassifier(n_neighbors=k).fit(found.X, found.y)
            # The first row of the picture is its bottom.
            assert votes[3, 71] == model.predict([[0.715, 0.035]])[0]
    assert noisy.agreement(1) < noisy.agreement(3) < noisy.agreement(5)
    wrong = noisy.y != knn_regions.true_classes(noisy.X)
    assert 0.05 < wrong.mean() < 0.15


def test_cross_validation_is_that_of_the_folds():
    found = numbers(cross_validation).cross_validation
    for k, folds in found.accuracies.items():
        assert len(folds) == 5
        assert found.mean[k] == pytest.approx(statistics.mean(folds), rel=1e-12)
        assert found.std[k] == pytest.approx(statistics.stdev(folds), rel=1e-12)
    assert found.mean[found.best_k] == max(found.mean.values())
    digits = df.datasets.load_digits()
    model = df.KNeighborsClassifier(n_neighbors=found.best_k).fit(digits.train, digits.train_labels)
    assert numbers(cross_validation).test_accuracy == model.score(digits.test, digits.test_labels)


def test_covering_the_cube_takes_exponentially_many_points():
    found = numbers(curse_of_dimensionality)
    for m, needed in found.n_needed.items():
        assert all(n == m**d for d, n in needed.items())
    # Black or white images of 32 x 32 pixels.
    assert found.n_needed[2][32 * 32] == 2**1024
    assert math.log10(found.n_needed[2][1024]) == pytest.approx(308.25, abs=0.01)


def test_distances_concentrate_as_dimensions_grow():
    found = numbers(curse_of_dimensionality)
    contrasts = [spread.contrast for spread in found.spreads.values()]
    ratios = [spread.ratio for spread in found.spreads.values()]
    assert contrasts == sorted(contrasts, reverse=True)
    assert ratios == sorted(ratios)
    assert contrasts[0] > 100
    assert ratios[-1] > 0.8
    # Squared distances have the mean d / 6 and the variance 7 d / 180: of the largest and the smallest
    # of 1000 of them, about 3.24 deviations from the mean, the ratio is known.
    d = 1024
    off = 3.24 * math.sqrt(7 * d / 180) / (d / 6)
    assert ratios[-1] == pytest.approx(math.sqrt((1 - off) / (1 + off)), rel=0.02)
    # Images do not fill their space.
    assert found.digits.contrast > 2 * found.spreads[found.n_pixels].contrast


def test_three_changes_are_equally_far():
    found = numbers(equal_distance_images)
    original = found.images["original"]
    far = found.distances["shifted"]
    assert found.distances["original"] == 0
    assert far > 10
    for name, image in found.images.items():
        assert found.distances[name] == pytest.approx(np.sqrt(((image - original) ** 2).sum()), rel=1e-9)
        assert 0 <= image.min() <= image.max() <= 1
    for name in ("tinted", "boxed"):
        assert found.distances[name] == pytest.approx(far, rel=1e-9)
        assert 0.2 < found.opacity[name] <= 1
    np.testing.assert_array_equal(found.images["shifted"][:, 4:], original[:, :-4])


@pytest.mark.usefixtures("figures")
def test_the_distances_are_printed():
    found = numbers(equal_distance_images)
    titles = [ax.get_title() for ax in equal_distance_images.draw(found).axes[:4]]
    for title, (name, distance) in zip(titles, found.distances.items(), strict=True):
        assert title.startswith(name)
        assert float(title.rpartition(" ")[2]) == pytest.approx(distance, rel=1e-9)
    assert len({title.rpartition(" ")[2] for title in titles[1:]}) == 1


def test_the_viewpoints_agree():
    found = numbers(linear_viewpoints)
    np.testing.assert_allclose(found.visual, found.algebraic, atol=1e-12)
    np.testing.assert_allclose(found.geometric, found.algebraic, atol=1e-12)
    n = len(found.regions)
    assert len(np.unique(found.regions)) == 3
    for row, column in itertools.product(range(10, n, n // 4), repeat=2):
        upper = (np.array([column, row]) + 0.5) * linear_viewpoints.END / n
        assert found.regions[row, column] == (np.append(upper, found.x[2:]) @ found.W + found.b).argmax()
    assert found.accuracy > 0.95
    # Numbers that can be checked by hand.
    np.testing.assert_array_equal(found.W, found.W.round(1))
    np.testing.assert_array_equal(found.x, found.x.round())
    assert found.near.max() <= linear_viewpoints.END


def closest(margin, label):
    return np.abs(margin.plane.distances(margin.X[margin.y == label])).min()


@pytest.mark.parametrize("has_outlier", [False, True])
def test_a_hard_margin_is_as_wide_as_the_points_allow(has_outlier):
    from sklearn.svm import SVC

    margin = numbers(svm_margin)["hard", has_outlier]
    plane = margin.plane
    assert (margin.plane.margins(margin.X, margin.y) > 1 - 1e-3).all()
    assert plane.margin_width == 2 / np.linalg.norm(plane.w)
    for label in (-1, 1):
        assert plane.margin_width == pytest.approx(2 * closest(margin, label), rel=1e-3)
    theirs = SVC(kernel="linear", C=1e6, tol=1e-8).fit(margin.X, margin.y)
    np.testing.assert_allclose(plane.w, theirs.coef_[0], rtol=2e-3)
    assert -plane.b == pytest.approx(theirs.intercept_[0], abs=5e-3)  # the minus before b
    assert set(theirs.support_) <= set(margin.support)


def test_an_outlier_squeezes_the_hard_margin_only():
    width = {key: margin.plane.margin_width for key, margin in numbers(svm_margin).items()}
    assert width["hard", True] < width["hard", False] / 3
    assert width["soft", True] > 0.9 * width["soft", False]
    assert width["soft", True] > 4 * width["hard", True]
    soft = numbers(svm_margin)["soft", True]
    np.testing.assert_array_equal(soft.X[-1], svm_margin.OUTLIER)
    assert soft.plane.margins(soft.X, soft.y)[-1] < 0  # on the wrong side
    assert (soft.plane.margins(soft.X, soft.y)[:-1] > 0).all()


def test_the_hinge_is_zero_beyond_the_margin_and_softmax_never():
    found = numbers(svm_and_softmax)
    beyond = found.scores >= max(found.kinks)
    assert beyond.sum() > 50
    assert (found.hinge[beyond] == 0).all()
    assert (found.hinge[~beyond] > 0).all()
    assert (found.softmax > 0).all()
    assert (np.diff(found.softmax) < 0).all()
    first, second, third = svm_and_softmax.SCORES
    assert found.example["hinge"] == pytest.approx(max(0, second - first + 1) + max(0, third - first + 1))
    exponentials = np.exp(svm_and_softmax.SCORES)
    assert found.example["softmax"] == pytest.approx(-math.log(exponentials[0] / exponentials.sum()))
    # Far from the others it falls by a factor of e a unit.
    assert svm_and_softmax.losses(12.0)["softmax"] / svm_and_softmax.losses(13.0)["softmax"] == pytest.approx(math.e, rel=1e-2)


def test_a_penalty_makes_the_cliff_less_steep():
    found = numbers(regularisation)
    slopes = [regularisation.slope(optimum) for optimum in found.optima.values()]
    assert slopes == sorted(slopes, reverse=True)
    assert slopes[0] > 5 * slopes[1] > 5 * slopes[2] > 0
    assert all(optimum.converged for optimum in found.optima.values())
    # The data loss falls for ever, its sum with the penalty is least at the optimum.
    assert (np.diff(found.data_loss) < 0).all()
    best = int(found.total.argmin())
    assert found.slopes[best] == pytest.approx(slopes[1], rel=1e-6)
    assert found.total[best] == pytest.approx(found.optima[regularisation.REGS[1]].loss)
    np.testing.assert_allclose(found.penalty, regularisation.REGS[1] * found.slopes**2 / 2, rtol=1e-6)
    for probabilities in found.probabilities.values():
        assert ((np.interp(regularisation.X[:, 0], found.x, probabilities) > 0.5) == regularisation.Y).all()


def test_what_penalties_prefer():
    found = numbers(l1_l2)
    assert found.scores == {"one": 1.0, "even": 1.0}
    assert found.penalties == {"one": {"l2": 1.0, "l1": 1.0}, "even": {"l2": 0.25, "l1": 1.0}}
    l1, l2 = found.trained["l1"], found.trained["l2"]
    assert l1.zeros > 0.6
    assert l2.zeros < 0.3
    assert l1.sizes[0] > 1.5 * l2.sizes[0]
    assert l1.accuracy == pytest.approx(l2.accuracy, abs=0.02)
    digits = df.datasets.load_digits()
    assert l1.sizes.size == 10 * (digits.train.std(axis=0) > 0).sum()
    rows = df.datasets.preprocess(digits, scale=16, center="image", bias=True, dtype="float64")
    optimum = df.minimize_softmax(rows.X_train, rows.y_train, reg=1e-3, bias=False)
    np.testing.assert_allclose(l2.W, optimum.W[:-1], atol=0.01)  # trained to the end
