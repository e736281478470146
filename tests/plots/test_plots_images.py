"""Displays of pictures and of two dimensions: templates, neighbours, decision regions."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.plots import DecisionRegionsDisplay, NeighborsDisplay, TemplatesDisplay
from tests.examples import blobs

pytestmark = pytest.mark.usefixtures("figures")


def texts(artists):
    return [artist.get_text() for artist in artists]


def test_a_template_for_each_class_without_the_bias():
    weights = np.random.default_rng(0).standard_normal((13, 7))
    display = TemplatesDisplay.from_weights(weights, (3, 4), list("abcdefg"))
    assert texts(display.titles_) == list("abcdefg")
    assert len(display.images_) == 7
    for number, image in enumerate(display.images_):
        template = weights[:12, number].reshape(3, 4)
        scale = np.quantile(np.abs(template), 0.99)
        np.testing.assert_allclose(image.get_array(), np.clip(0.5 + template / (2 * scale), 0, 1))
        assert image.get_clim() == (0, 1)
        left, right, bottom, top = image.get_extent()
        np.testing.assert_allclose((right - left, bottom - top), (1, 0.75))
    # None covers another, and all are within the axes.
    corners = [tuple(image.get_extent()[::2]) for image in display.images_]
    assert len(set(corners)) == 7
    assert corners[5][0] == corners[0][0]  # the second row
    assert not display.ax_.axison
    np.testing.assert_array_equal(
        TemplatesDisplay.from_weights(weights[:12], (3, 4)).images_[2].get_array(), display.images_[2].get_array()
    )


@pytest.mark.parametrize(("shape", "to_image"), [((3, 4, 5), lambda t: np.moveaxis(t, 0, -1)), ((4, 5, 3), lambda t: t)])
def test_templates_in_colour(shape, to_image):
    weights = np.random.default_rng(0).standard_normal((61, 2))
    display = TemplatesDisplay.from_weights(weights, shape)
    expected = to_image(weights[:-1, 1].reshape(shape))
    shown = np.asarray(display.images_[1].get_array())
    assert shown.shape == (4, 5, 3)
    np.testing.assert_allclose(shown, np.clip(0.5 + expected / (2 * np.quantile(np.abs(expected), 0.99)), 0, 1))


def test_templates_of_one_channel_of_zeros_and_of_single_weights():
    assert TemplatesDisplay.from_weights(np.eye(4), (1, 2, 2)).images_[0].get_array().shape == (2, 2)
    np.testing.assert_array_equal(TemplatesDisplay.from_weights(np.zeros((4, 2)), (2, 2)).images_[0].get_array(), 0.5)
    single = np.zeros((10000, 2))
    single[3] = -2
    shown = TemplatesDisplay.from_weights(single, (100, 100)).images_[0].get_array()
    assert (shown.min(), shown.max()) == (0, 0.5)


def test_templates_of_estimators():
    x, y = blobs(n=90)
    names = np.array(["cat", "dog", "fox"])
    model = df.SoftmaxClassifier(random_state=0, max_epochs=3).fit(x, names[y])
    n_features = x.shape[1]
    display = TemplatesDisplay.from_estimator(model, (1, n_features))
    assert texts(display.titles_) == ["cat", "dog", "fox"]
    np.testing.assert_array_equal(display.templates[:, 0], model.coef_)
    two = df.LinearSVM(random_state=0, max_epochs=3).fit(x[y < 2], names[y[y < 2]])
    assert texts(TemplatesDisplay.from_estimator(two, (n_features, 1)).titles_) == ["dog against cat"]
    with pytest.raises(TypeError, match="estimator must be a fitted linear classifier, with coef_; got KNeighborsClassifier"):
        TemplatesDisplay.from_estimator(df.KNeighborsClassifier(), (1, 2))


def test_templates_refuse_other_shapes():
    with pytest.raises(ValueError, match=r"image_shape must have as many values as W has features, 4; got \(2, 3\), 6"):
        TemplatesDisplay.from_weights(np.eye(4), (2, 3))
    with pytest.raises(ValueError, match=r"image_shape must be \(height, width\), or .* got \(2, 2, 2\)"):
        TemplatesDisplay.from_weights(np.eye(8), (2, 2, 2))
    with pytest.raises(ValueError, match="class_names must hold one name for each of the 4 classes; got 1"):
        TemplatesDisplay.from_weights(np.eye(4), (2, 2), ["a"])


TRAIN = np.array([[0.0, 0, 0, 9], [0, 0, 9, 0], [0, 9, 0, 0], [9, 9, 9, 9]])
QUERIES = np.array([[0.0, 0, 1, 9], [9, 9, 9, 8]])


def test_neighbors_row_by_row():
    neighbors = df.nearest_neighbors(TRAIN, QUERIES, 2)
    assert neighbors.indices.tolist() == [[0, 1], [3, 1]]
    display = NeighborsDisplay.from_neighbors(neighbors, QUERIES, TRAIN, (2, 2), [0, 1, 1, 0], [0, 1], ["cat", "dog"])
    assert len(display.images_) == 6
    expected = [QUERIES[0], TRAIN[0], TRAIN[1], QUERIES[1], TRAIN[3], TRAIN[1]]
    for image, row in zip(display.images_, expected, strict=True):
        spread = row.max() - row.min() or 18
        np.testing.assert_allclose(image.get_array().ravel(), (row - row.min()) / spread if row.min() < row.max() else 0.5)
    distances = [f"{d:.4g}" for d in neighbors.distances.ravel()]
    said = ["cat ✓", "dog ✗", "cat ✗", "dog ✓"]
    told = [f"{d}\n{s}" for d, s in zip(distances, said, strict=True)]
    assert texts(display.texts_) == ["cat", *told[:2], "dog", *told[2:]]
    assert [frame.get_linestyle() for frame in display.frames_] == ["-", "--", "--", "-"]
    assert display.frames_[0].get_edgecolor() != display.frames_[1].get_edgecolor()
    tops = [image.get_extent()[3] for image in display.images_]
    assert tops[0] == tops[1] == tops[2] < tops[3]


def test_neighbors_without_labels_and_in_colour():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (5, 12), dtype=np.uint8)
    display = NeighborsDisplay.from_neighbors(df.nearest_neighbors(rows, rows[:2], 3), rows[:2], rows, (3, 2, 2))
    assert display.frames_ == []
    assert texts(display.texts_)[0] == "query"
    assert texts(display.texts_)[1] == "0"
    assert display.images_[0].get_array().shape == (2, 2, 3)
    known = NeighborsDisplay.from_neighbors(
        df.nearest_neighbors(rows, rows[:2], 1), rows[:2], rows, (2, 2, 3), train_labels=list("abcde")
    )
    assert texts(known.texts_) == ["query", "0\na", "query", "0\nb"]
    assert known.frames_ == []


def test_neighbors_refuse_what_does_not_fit():
    neighbors = df.nearest_neighbors(TRAIN, QUERIES, 2)
    with pytest.raises(ValueError, match=r"neighbors must be of the 1 queries among the 4 rows of train; got shape \(2, 2\)"):
        NeighborsDisplay.from_neighbors(neighbors, QUERIES[:1], TRAIN, (2, 2))
    with pytest.raises(ValueError, match="neighbors must be of the 2 queries among the 2 rows"):
        NeighborsDisplay.from_neighbors(neighbors, QUERIES, TRAIN[:2], (2, 2))
    with pytest.raises(ValueError, match="image_shape must have as many values as queries has features, 4"):
        NeighborsDisplay.from_neighbors(neighbors, QUERIES, TRAIN, (3, 3))
    with pytest.raises(ValueError, match="train_labels must be 1-D with one label for each of the 4 rows of train"):
        NeighborsDisplay.from_neighbors(neighbors, QUERIES, TRAIN, (2, 2), train_labels=[1])


# Scores x - 1, y - 2 and 0.5 - x.
WEIGHTS = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0], [-1.0, -2.0, 0.5]])
X = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 4.0], [3.0, 3.5]])
Y = np.array([2, 0, 1, 0])


def centers(display):
    left, right, bottom, top = display.extent
    n = len(display.regions)
    steps = (np.arange(n) + 0.5) / n
    return np.meshgrid(left + steps * (right - left), bottom + steps * (top - bottom))


def test_regions_of_weights_their_lines_and_arrows():
    display = DecisionRegionsDisplay.from_weights(WEIGHTS, X, Y)
    x, y = centers(display)
    np.testing.assert_array_equal(display.regions, np.argmax([x - 1, y - 2, 0.5 - x], axis=0))
    np.testing.assert_array_equal(display.image_.get_array(), display.regions)
    assert display.image_.origin == "lower"
    assert tuple(display.image_.get_extent()) == display.extent
    assert [len(points.get_offsets()) for points in display.points_] == [2, 1, 1]
    np.testing.assert_array_equal(display.points_[0].get_offsets(), X[Y == 0])
    for line, weights in zip(display.lines_, WEIGHTS.T, strict=True):
        np.testing.assert_allclose(line.get_xydata() @ weights[:2] + weights[2], 0, atol=1e-12)
        assert (np.isclose(line.get_xdata(), display.ax_.get_xlim()) | np.isclose(line.get_ydata(), display.ax_.get_ylim())).any()
    for arrow, weights in zip(display.arrows_, WEIGHTS.T, strict=True):
        step = np.subtract(arrow.xy, arrow.xyann)
        np.testing.assert_allclose(step / np.linalg.norm(step), weights[:2], atol=1e-12)
    assert len({line.get_linestyle() for line in display.lines_}) == 3
    legend = display.ax_.get_legend()
    assert (legend.get_title().get_text(), texts(legend.get_texts())) == ("class", ["0", "1", "2"])
    assert display.borders_ is not None
    left, right, bottom, top = display.extent
    assert left < X[:, 0].min() < X[:, 0].max() < right
    assert bottom < X[:, 1].min() < X[:, 1].max() < top


def test_regions_without_bias_and_lines_outside():
    display = DecisionRegionsDisplay.from_weights(WEIGHTS[:2], X + 10, Y)
    assert display.lines_ == []
    assert display.arrows_ == []
    assert (display.regions != 2).all()
    one = DecisionRegionsDisplay.from_weights([[1.0, 0.0], [0.0, 0.0]], [[5.0, 5.0]], [0])
    assert one.borders_ is None
    assert one.lines_ == []


def test_regions_of_estimators():
    rng = np.random.default_rng(0)
    points = rng.random((60, 2), dtype=np.float32)
    labels = np.where(points[:, 0] > 0.5, "right", "left")
    neighbors = df.KNeighborsClassifier(n_neighbors=1).fit(points, labels)
    display = DecisionRegionsDisplay.from_estimator(neighbors, points, labels)
    grid = np.column_stack([axis.ravel() for axis in centers(display)]).astype(np.float32)
    np.testing.assert_array_equal(np.array(["left", "right"])[display.regions.ravel()], neighbors.predict(grid))
    assert display.lines is None
    assert display.lines_ == []
    model = df.LinearSVM(random_state=0).fit(points, labels)
    linear = DecisionRegionsDisplay.from_estimator(model, points, labels)
    (line,), (arrow,) = linear.lines_, linear.arrows_
    np.testing.assert_allclose(model.decision_function(line.get_xydata()), 0, atol=1e-4)
    assert arrow.xy[0] > arrow.xyann[0]  # towards the second class
    assert texts(linear.ax_.get_legend().get_texts()) == ["left", "right"]


def test_regions_refuse_other_points():
    with pytest.raises(ValueError, match=r"X must hold finite points with 2 features, at least one; got shape \(2, 3\)"):
        DecisionRegionsDisplay.from_weights(WEIGHTS, np.zeros((2, 3)), [0, 1])
    with pytest.raises(ValueError, match="X must hold finite points"):
        DecisionRegionsDisplay.from_weights(WEIGHTS, [[np.nan, 0.0]], [0])
    with pytest.raises(ValueError, match=r"W must have 2 rows, or 3 with a bias; got shape \(4, 3\)"):
        DecisionRegionsDisplay.from_weights(np.zeros((4, 3)), X, Y)
    model = df.KNeighborsClassifier(n_neighbors=1).fit(X, Y)
    with pytest.raises(ValueError, match=r"y must hold labels of the estimator's classes, \[0, 1, 2\]; got .*7"):
        DecisionRegionsDisplay.from_estimator(model, X, [0, 1, 2, 7])
