"""The pages on all screens, for all eyes, and for those who do not see them."""

import json

import pytest

from tests.demo.browser import PHONE, exported, fragment, until, until_count

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
expect = playwright.expect

PAGES = pytest.mark.parametrize("path", ["", "knn"])
CORNER = "document.querySelector('canvas').getContext('2d').getImageData(1, 1, 1, 1).data.join()"


@PAGES
def test_light_and_dark(visitor, path):
    # Said of the canvas that this test reads again and again.
    visitor.expected_noise = "willReadFrequently"
    grounds = []
    for scheme in ("light", "dark"):
        page = visitor.open(path, color_scheme=scheme)
        grounds.append([page.evaluate("getComputedStyle(document.body).backgroundColor"), page.evaluate(CORNER)])
    assert grounds[0][0] != grounds[1][0]
    assert grounds[0][1] != grounds[1][1]
    # The regions follow while the page is open.
    page.emulate_media(color_scheme="light")
    until(page, f"expected => {CORNER} === expected", grounds[0][1])


CONTRAST = """
() => {
  const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color, over) => {
    pixel.clearRect(0, 0, 1, 1);
    for (const one of [...over, color]) { pixel.fillStyle = one; pixel.fillRect(0, 0, 1, 1); }
    return [...pixel.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  for (const node of document.querySelectorAll('body *')) {
    const said = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const field = node.matches('input[type=number], select');
    if (!(said || field) || node.closest('svg, option, button:disabled') || !node.checkVisibility()) continue;
    const grounds = [];
    for (let up = node; up; up = up.parentElement) grounds.unshift(getComputedStyle(up).backgroundColor);
    const [text, ground] = [rgb(getComputedStyle(node).color, grounds), rgb('transparent', grounds)].map(luminance);
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (contrast < 4.5) low.push([contrast.toFixed(2), node.tagName, node.className, node.textContent.trim().slice(0, 30)]);
  }
  return low;
}
"""


@PAGES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(visitor, path, scheme):
    page = visitor.open(path, color_scheme=scheme)
    page.select_option("#n-classes", "8")
    expect(page.locator("#new-class input")).to_have_count(8)
    assert page.evaluate(CONTRAST) == []


@PAGES
@pytest.mark.parametrize("classes", ["3", "8"])
def test_a_phone_scrolls_downwards_only(visitor, path, classes):
    page = visitor.open(path, **PHONE)
    page.select_option("#n-classes", classes)
    expect(page.locator("#new-class input")).to_have_count(int(classes))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = page.locator("button:visible, select:visible, input:visible, .check, nav a, .point .reach").evaluate_all(
        "all => all.filter(one => !one.matches('.check input, .swatch input'))"
        ".map(one => [one.outerHTML.slice(0, 60), one.getBoundingClientRect()])"
        ".filter(([, box]) => box.height < 39.5 || (box.width < 39.5)).map(([name, box]) => [name, box.width, box.height])"
    )
    assert small == []


CUT_OFF = """() => [...document.querySelectorAll('td')].filter(cell => cell.scrollWidth > cell.clientWidth)
  .map(cell => cell.textContent)"""


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("classes", [3, 8])
def test_no_number_is_cut_off(visitor, width, classes):
    # Each class is the winner somewhere, so that each column has bold numbers.
    changes = {"n_classes": classes, "W": [[-0.77, -0.88], [-0.88, 0.66], [0.77, -0.99]] + [[0.55, 0.88]] * (classes - 3)}
    page = visitor.open()
    state = exported(page) | changes | {"b": [-0.88] * classes}
    shown = visitor.open(fragment(json.dumps(state)), viewport={"width": width, "height": 800})
    expect(shown.locator("#points .score")).to_have_count(9 * classes)
    assert shown.evaluate(CUT_OFF) == []
    shown = visitor.open("knn", viewport={"width": width, "height": 800})
    assert shown.evaluate(CUT_OFF) == []


def test_two_columns_show_the_answer_beside_the_plane(visitor):
    page = visitor.open("knn", viewport={"width": 1024, "height": 768})
    plane, prediction = [page.locator(part).bounding_box() for part in ("#plane", "#prediction")]
    assert prediction["x"] > plane["x"] + plane["width"]


@PAGES
def test_everything_has_a_name(visitor, path):
    page = visitor.open(path)
    nameless = page.locator("input, select, button").evaluate_all(
        "all => all.filter(one => !one.getAttribute('aria-label') && ![...(one.labels ?? [])].some(l => l.textContent.trim())"
        " && !(one.tagName === 'BUTTON' && one.textContent.trim())).map(one => one.outerHTML)"
    )
    assert nameless == []
    assert page.locator("table:not([aria-labelledby])").count() == 0
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))
    referred = page.locator("[aria-describedby], [aria-labelledby]").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-describedby') ?? one.getAttribute('aria-labelledby'))"
    )
    assert set(referred) <= set(ids)


def test_the_tab_key_reaches_points_and_cells(page):
    reached = []
    for _ in range(110):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"))
    assert reached.index("Point 1 at 0.50, 0.40, class 0, loss 0.30") < reached.index("add") < reached.index("W[0,0]")
    for name in ("b[2]", "step", "run", "lr", "x[0] of point 1", "class of point 9"):
        assert name in reached


def test_fewer_pictures_where_motion_is_reduced(visitor):
    count = "const send = fetch; window.asked = 0; window.fetch = (...all) => { window.asked += 1; return send(...all); };"
    page = visitor.open(reduced_motion="reduce", init=count)
    page.evaluate("window.asked = 0")
    page.click("#run")
    until_count(page, 30)
    page.click("#run")
    assert page.evaluate("window.asked") <= 4
