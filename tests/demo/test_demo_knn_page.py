"""The page for nearest neighbours: its numbers against the library's, and the hands of people on it."""

import json
import re
import time

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.knn.votes import class_votes
from tests.demo.browser import PHONE, center, exported, fragment, place

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
expect = playwright.expect

SIDE = 160
STEPS = (np.arange(SIDE) + 0.5) / SIDE * 2.5 - 1.25

# The class of every 17th cell of the canvas, by its colour; read from a copy, for which the browser has no advice.
CLASSES = """
() => {
  const copy = (width, height, paint) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    paint(context);
    return [...new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)];
  };
  const shown = document.querySelector('#plane canvas');
  const tints = copy(8, 1, (context) => {
    for (let k = 0; k < 8; k += 1) {
      const probe = Object.assign(document.createElement('i'), { className: 'region' });
      probe.dataset.class = k;
      document.body.append(probe);
      context.fillStyle = getComputedStyle(probe).backgroundColor;
      context.fillRect(k, 0, 1, 1);
      probe.remove();
    }
  });
  return copy(shown.width, shown.height, (context) => context.drawImage(shown, 0, 0))
    .filter((_, i) => i % 17 === 0).map((cell) => tints.indexOf(cell));
}
"""
ROWS = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"


@pytest.fixture
def page(visitor):
    return visitor.open("knn")


def expected(state):
    """Return what the page has to show of a state, every 17th cell of the regions."""
    points = np.array(state["points"])
    places, labels = points[:, :2].copy(), points[:, 2].astype(int)
    voting = {name: state[name] for name in ("metric", "weights", "temperature")}
    model = df.KNeighborsClassifier(state["k"], **voting).fit(places, labels)
    others = df.KNNIndex(places, metric=state["metric"]).search(None, min(state["k"], len(points) - 1))
    wrong = np.flatnonzero(
        class_votes(others, labels, state["n_classes"], **voting, n_threads=1).argmax(axis=1) != labels
    ).tolist()
    x, y = np.meshgrid(STEPS, -STEPS)
    shown = {
        "regions": model.predict(np.column_stack([x.ravel(), y.ravel()])[::17]).tolist(),
        "wrong": wrong,
        "accuracy": f"{100 * (1 - len(wrong) / len(points)):.1f} %",
        "correct": f"{len(points) - len(wrong)} of {len(points)}",
    }
    if state["query"] is None:
        return shown | {"neighbors": [], "prediction": None}
    query = np.array([state["query"]], dtype=float)
    found = df.nearest_neighbors(places, query, state["k"], metric=state["metric"])
    shown["neighbors"] = [
        [str(rank + 1), str(i + 1), f"{points[i, 0]:.2f}", f"{points[i, 1]:.2f}", f"{points[i, 2]:.0f}", f"{distance:.3f}"]
        for rank, (i, distance) in enumerate(zip(found.indices[0], found.distances[0], strict=True))
    ]
    return shown | {"prediction": f"class {model.predict(query)[0]}"}


def on_page(page):
    neighbors = page.locator("#neighbors tbody tr").evaluate_all(ROWS)
    return {
        "regions": page.evaluate(CLASSES),
        "wrong": page.locator(".point.wrong").evaluate_all("all => all.map(one => Number(one.dataset.point))"),
        "accuracy": page.text_content("#leave-one-out"),
        "correct": page.text_content("#correct"),
        "neighbors": [row[:6] for row in neighbors],
        "prediction": page.text_content("#prediction") if page.is_visible("#answer") else None,
    }


def agrees(page):
    """Wait until the page shows what the library says of its state; return that state."""
    state = exported(page)
    wanted = expected(state)
    end = time.monotonic() + 5
    while (shown := on_page(page)) != wanted and time.monotonic() < end:
        page.wait_for_timeout(20)
    assert shown == wanted
    assert page.locator("#plane .ray").count() == len(wanted["neighbors"])
    return state


def votes(page):
    return page.locator("#votes tbody tr").evaluate_all("rows => rows.map(row => Number(row.cells[2].textContent))")


def test_the_page_starts_with_the_library_s_numbers(page):
    state = agrees(page)
    assert (len(state["points"]), state["n_classes"], state["k"]) == (20, 5, 3)
    labels = [int(state["points"][int(row[1]) - 1][2]) for row in expected(state)["neighbors"]]
    assert votes(page) == np.bincount(labels, minlength=5).tolist()
    expect(page.locator("#main")).not_to_have_attribute("inert", "")
    page.click("nav a:not([aria-current])")
    expect(page.locator("h1")).to_have_text("Linear classifiers")
    page.click("nav a:not([aria-current])")
    expect(page.locator("h1")).to_have_text("Nearest neighbours")


@pytest.mark.parametrize(
    ("metric", "weights"),
    [("euclidean", "softmax"), ("sqeuclidean", "uniform"), ("manhattan", "distance"), ("cosine", "distance")],
)
def test_metrics_and_weights(page, metric, weights):
    page.select_option("#preset", "overlapping")
    expect(page.locator("#correct")).to_contain_text("of 36")
    page.fill("#k", "7")
    page.select_option("#metric", metric)
    page.check(f"input[name=weights][value={weights}]")
    assert page.is_visible("#temperature") == (weights == "softmax")
    if weights == "softmax":
        page.fill("#temperature", "0.2")
    state = agrees(page)
    assert (state["k"], state["metric"], state["weights"]) == (7, metric, weights)
    cells = page.locator("#neighbors tbody tr").evaluate_all(ROWS)
    points = np.array(state["points"])[:, :2].copy()
    distances = df.nearest_neighbors(points, np.array([state["query"]]), 7, metric=metric).distances[0]
    shares = {"uniform": np.ones(7), "distance": 1 / distances, "softmax": np.exp((distances[0] - distances) / 0.2)}[weights]
    shown = np.array([float(row[6]) for row in cells])
    np.testing.assert_allclose(shown, shares, rtol=1e-3, atol=6e-4)
    sums = [shown[[row[4] == str(k) for row in cells]].sum() for k in range(3)]
    np.testing.assert_allclose(votes(page), sums, rtol=1e-3, atol=5e-3)


def test_a_product_takes_no_votes_by_distance(page):
    page.check("input[name=weights][value=distance]")
    page.select_option("#metric", "inner_product")
    state = agrees(page)
    assert state["weights"] == "uniform"
    assert page.is_disabled("input[name=weights][value=distance]")
    assert page.is_visible("#weights-why")
    assert page.text_content("#measure") == "product"
    page.select_option("#metric", "cosine")
    assert page.is_enabled("input[name=weights][value=distance]")


def test_every_k(page):
    for k in (1, 20):
        page.locator("#k-slider").evaluate(
            "(slider, k) => { slider.value = k; slider.dispatchEvent(new Event('input')); }", str(k)
        )
        expect(page.locator("#k")).to_have_value(str(k))
        assert agrees(page)["k"] == k
    assert "20 of" not in page.text_content("#k-most")
    # There are never more neighbours than points.
    page.locator("[data-point='0']").press("Delete")
    assert agrees(page)["k"] == 19
    assert page.get_attribute("#k-slider", "max") == "19"


def test_ties_are_told(page):
    points = [[-0.5, 0, 1], [0.5, 0, 0], [0.5, 0.8, 0]]
    state = exported(page) | {"points": points, "n_classes": 2, "k": 2, "query": [0, 0]}
    page.evaluate("fragment => { location.hash = fragment; }", fragment(json.dumps(state)))
    expect(page.locator("#tie")).to_have_text("2 classes have as many votes: the smallest label wins.")
    assert agrees(page)["points"] == points
    assert page.text_content("#prediction") == "class 0"
    assert [row[1] for row in page.locator("#neighbors tbody tr").evaluate_all(ROWS)] == ["1", "2"]
    page.fill("#k", "3")
    expect(page.locator("#tie")).to_have_text("")


def test_dragging_a_point(page):
    first = page.evaluate(CLASSES)
    x, y = center(page, 0)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x - 20 * step, y - 30 * step)
    # Before the button is released.
    state = agrees(page)
    assert page.evaluate(CLASSES) != first
    page.mouse.up()
    assert agrees(page) == state


def test_dragging_the_query_and_its_keys(page):
    before = exported(page)
    page.mouse.move(*center(page, -2))
    page.mouse.down()
    page.mouse.move(*place(page, 0.5, 0.6))
    page.mouse.move(*place(page, 0.7, 0.6))
    state = agrees(page)
    page.mouse.up()
    assert state["query"] == pytest.approx([0.7, 0.6], abs=0.011)
    assert state["points"] == before["points"]
    query = page.locator(".query")
    expect(query).to_be_focused()
    query.press("ArrowLeft")
    query.press("Shift+ArrowDown")
    query.press("3")
    moved = agrees(page)
    assert moved["query"] == pytest.approx([state["query"][0] - 0.02, state["query"][1] - 0.1])
    expect(query).to_have_attribute("aria-label", re.compile(r"^Query at 0\.\d\d, 0\.\d\d, predicted class \d$"))
    expect(page.locator("#status")).to_have_text(re.compile(r"^The query is of class \d\. Leave-one-out accuracy"))
    query.press("Delete")
    assert agrees(page)["query"] is None
    expect(page.locator("#no-answer")).to_be_visible()
    page.click("#toggle-query")
    assert agrees(page)["query"] == [0, 0]
    expect(query).to_be_focused()
    page.fill("#query-1", "-0.4")
    assert agrees(page)["query"] == [0, -0.4]


def test_clicks_in_the_plane(page):
    before = exported(page)
    page.mouse.click(*place(page, -1.1, -1.1))
    state = agrees(page)
    assert state["query"] == pytest.approx([-1.1, -1.1], abs=0.011)
    page.wait_for_timeout(450)
    # Twice means a point, and leaves the query where it was.
    page.locator("#new-class").get_by_label("2").check(force=True)
    page.mouse.dblclick(*place(page, 1.1, 0.4))
    after = agrees(page)
    assert after["query"] == state["query"]
    assert after["points"][:20] == before["points"]
    assert after["points"][20] == pytest.approx([1.1, 0.4, 2], abs=0.011)
    page.click("#add")
    page.keyboard.press("1")
    assert agrees(page)["points"][21][2] == 1
    page.click("#remove")
    page.keyboard.press("Delete")
    assert agrees(page)["points"] == before["points"]


def test_a_finger_brings_the_query(visitor):
    page = visitor.open("knn", **PHONE)
    page.touchscreen.tap(*place(page, 0.8, -0.1))
    assert agrees(page)["query"] == pytest.approx([0.8, -0.1], abs=0.02)


def test_the_table_leads_to_the_points(page):
    row = page.locator("#neighbors tbody tr").first
    button = row.get_by_role("button")
    number = int(button.text_content())
    button.click()
    expect(page.locator(f"[data-point='{number - 1}']")).to_be_focused()
    expect(row).to_have_class("selected")


def test_presets_keep_the_settings_and_reset_goes_back(page):
    names = page.locator("#preset option").evaluate_all("list => list.map(option => option.value)")
    assert names == ["lecture", "separable", "overlapping", "xor", "rings"]
    page.select_option("#metric", "manhattan")
    page.fill("#k", "20")
    for name in names[1:]:
        page.evaluate("document.getElementById('status').textContent = ''")
        page.select_option("#preset", name)
        expect(page.locator("#status")).to_have_text(re.compile("^New start"))
        state = agrees(page)
        assert (state["metric"], state["k"]) == ("manhattan", 20)
    assert len(state["points"]) == 72
    page.click("#reset")
    expect(page.locator("#k")).to_have_value("3")
    assert agrees(page)["metric"] == "euclidean"
    page.select_option("#n-classes", "2")
    assert len(agrees(page)["points"]) == 48
    page.select_option("#n-classes", "6")
    page.select_option("#preset", "separable")
    expect(page.locator("#correct")).to_contain_text("of 72")
    assert {point[2] for point in agrees(page)["points"]} == set(range(6))


def test_export_import_and_link(visitor, tmp_path):
    page = visitor.open("knn", permissions=["clipboard-read", "clipboard-write"])
    page.fill("#k", "4")
    page.check("input[name=weights][value=softmax]")
    page.fill("#query-0", "0.123456")
    state = agrees(page)
    file = tmp_path / "kept.json"
    file.write_text(json.dumps(state), encoding="utf-8")
    page.click("#copy-link")
    expect(page.locator("#link-said")).to_have_text(re.compile("^Link copied"))
    link = page.evaluate("navigator.clipboard.readText()")
    page.select_option("#preset", "xor")
    expect(page.locator("#correct")).to_contain_text("of 24")
    page.set_input_files("#import-file", file)
    expect(page.locator("#correct")).to_contain_text("of 20")
    assert agrees(page) == state
    other = visitor.open(link.removeprefix(visitor.address))
    expect(other.locator("#k")).to_have_value("4")
    expect(other.locator("#temperature-slider")).to_have_attribute("aria-valuetext", "0.07")
    # What a link holds is none of the presets, each of which can be chosen.
    expect(other.locator("#preset")).to_have_value("")
    other.select_option("#preset", "lecture")
    expect(other.locator("#status")).to_have_text(re.compile("^New start"))
    assert agrees(other) == state
    file.write_text(json.dumps(state | {"page": "linear"}), encoding="utf-8")
    page.set_input_files("#import-file", file)
    expect(page.locator("#message")).to_contain_text("no state of this page")


@pytest.mark.parametrize(
    ("label", "text"), [("Neighbours k", "21"), ("Neighbours k", "0"), ("Neighbours k", "2.5"), ("x[0] of the query", "1001"),
                        ("Temperature", "0")]
)  # fmt: skip
def test_nonsense_changes_nothing(page, label, text):
    page.check("input[name=weights][value=softmax]")
    before = agrees(page)
    field = page.get_by_label(label, exact=True)
    field.press("Control+a")
    page.keyboard.type(text)
    field.blur()
    expect(page.locator("#message-text")).to_contain_text(f"{label}: expected a")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert agrees(page) == before


def test_the_tab_key_reaches_the_query_and_the_settings(page):
    reached = []
    for _ in range(50):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"))
    query = next(i for i, name in enumerate(reached) if name.startswith("Query at"))
    assert query < reached.index("add") < reached.index("k") < reached.index("metric") < reached.index("query-0")
    assert any(name.startswith("Go to point") for name in reached)
