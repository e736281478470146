"""The page for linear classifiers under the hands of people: pointers, keys, fields, and what goes wrong."""

import json
import re

import pytest

from tests.demo.browser import PHONE, Visitor, center, exported, fragment, place, serving, until

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
expect = playwright.expect


def coordinates(page, i):
    return [float(page.input_value(f"input[aria-label='x[{j}] of point {i + 1}']")) for j in (0, 1)]


def labels(page):
    return page.locator("#points select").evaluate_all("list => list.map(select => Number(select.value))")


def test_dragging_with_the_mouse(page):
    x, y = center(page, 0)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x - 20 * step, y + 10 * step)
    # Before the button is released.
    expect(page.locator("#total-loss")).not_to_have_text("6.27")
    page.mouse.up()
    side = page.locator("#plane svg").bounding_box()["width"]
    assert coordinates(page, 0) == pytest.approx([0.5 - 100 * 2.5 / side, 0.4 - 50 * 2.5 / side], abs=0.011)
    expect(page.locator("[data-point='0']")).to_be_focused()
    page.mouse.move(x, y)
    assert coordinates(page, 0)[0] < 0
    # What is left of the plane is its edge.
    page.mouse.move(*center(page, 0))
    page.mouse.down()
    page.mouse.move(2, 400)
    page.mouse.up()
    assert coordinates(page, 0)[0] == -1.25


def test_dragging_with_a_finger(visitor):
    page = visitor.open(**PHONE)
    x, y = center(page, 3)
    touch = page.context.new_cdp_session(page)

    def send(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": u, "y": v} for u, v in points]})

    send("touchStart", (x + 12, y))
    for step in range(1, 6):
        send("touchMove", (x + 12 + 6 * step, y + 14 * step))
    send("touchEnd")
    side = page.locator("#plane svg").bounding_box()["width"]
    assert coordinates(page, 3) == pytest.approx([-0.4 + 30 * 2.5 / side, 0.3 - 70 * 2.5 / side], abs=0.011)
    assert page.evaluate("scrollY") == 0
    # A double tap where nothing is.
    x, y = place(page, 0.5, 0.9)
    for _ in range(2):
        send("touchStart", (x, y))
        send("touchEnd")
    expect(page.locator("#points tbody tr")).to_have_count(10)
    # The page scrolls where no point is.
    x, y = place(page, -0.8, -0.8)
    send("touchStart", (x, y))
    for step in range(1, 8):
        send("touchMove", (x, y - 12 * step))
    send("touchEnd")
    until(page, "() => scrollY > 20")
    assert page.locator("#points tbody tr").count() == 10


def test_moving_with_keys(page):
    point = page.locator("[data-point='0']")
    point.press("ArrowRight")
    assert coordinates(page, 0) == [0.52, 0.4]
    point.press("ArrowUp")
    assert coordinates(page, 0) == [0.52, 0.42]
    point.press("Shift+ArrowLeft")
    point.press("Shift+ArrowDown")
    assert coordinates(page, 0) == [0.42, 0.32]
    for _ in range(9):
        point.press("Shift+ArrowRight")
    assert coordinates(page, 0) == [1.25, 0.32]
    point.press("2")
    assert labels(page)[0] == 2
    expect(point).to_have_attribute("aria-label", re.compile("^Point 1 at 1.25, 0.32, class 2, loss"))
    point.press("7")
    expect(page.locator("#message")).to_contain_text("no class 7")
    assert labels(page)[0] == 2


def test_adding_and_removing_points(page):
    page.locator("#new-class").get_by_label("1").check(force=True)
    page.click("#add")
    assert labels(page)[9:] == [1]
    expect(page.locator("[data-point='9']")).to_be_focused()
    page.mouse.dblclick(*place(page, -0.75, -0.9))
    expect(page.locator("#points tbody tr")).to_have_count(11)
    assert coordinates(page, 10) == pytest.approx([-0.75, -0.9], abs=0.011)
    # Twice on a point is not in the empty plane.
    page.mouse.dblclick(*center(page, 10))
    expect(page.locator("#correct")).to_contain_text("of 11")
    page.keyboard.press("Delete")
    page.click("#remove")
    expect(page.locator("#correct")).to_contain_text("of 9")
    assert labels(page) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    page.locator("[data-point='0']").press("Delete")
    assert coordinates(page, 0) == [0.8, 0.3]
    for _ in range(9):
        page.locator("[data-point='0']").press("Delete")
    expect(page.locator("#message")).to_contain_text("at least one")
    expect(page.locator("#correct")).to_contain_text("of 1")


def test_the_number_of_points_has_a_limit(page):
    page.evaluate("for (let i = 0; i < 195; i += 1) document.getElementById('add').click()")
    expect(page.locator("#message")).to_contain_text("200 points")
    expect(page.locator("#correct")).to_contain_text("of 200")


def test_weights_change_by_typing_and_by_steps(page):
    slope = page.locator("#gradient-0-0")
    assert slope.text_content() == "-0.23"
    page.get_by_role("button", name="Increase W[0,0] by 0.1").click()
    expect(page.get_by_label("W[0,0]", exact=True)).to_have_value("1.10")
    page.get_by_role("button", name="Decrease W[1,1] by 0.1").click()
    expect(page.get_by_label("W[1,1]", exact=True)).to_have_value("-4.10")
    expect(page.locator("#gradient-1-1")).to_have_text("-1.20")
    field = page.get_by_label("b[2]", exact=True)
    field.press("ArrowUp")
    expect(field).to_have_value("-0.40")
    field.fill("2.5")
    expect(page.locator("#total-loss")).not_to_have_text("6.27")
    field.blur()
    state = exported(page)
    assert (state["W"][0][0], state["W"][1][1], state["b"][2]) == (1.1, -4.1, 2.5)


def arrow(page, label):
    """Return the ends of an arrow in the plane, None where none is drawn."""
    group = page.locator(f"g.score[data-class='{label}']")
    if group.get_attribute("display") == "none":
        return None
    (u, v), _ = [point.split(",") for point in group.locator(".shaft").get_attribute("points").split()]
    tip = group.locator(".head").get_attribute("points").split()[0].split(",")
    return [round(float(w) / 200 - 1.25, 3) for w in (u, tip[0])], [round(1.25 - float(w) / 200, 3) for w in (v, tip[1])]


def test_arrows(page):
    # They start where the line crosses x[0] = 0, and are a tenth of W.
    assert arrow(page, 1) == ([0, 0.2], [0.125, -0.275])
    page.fill("input[aria-label='W[1,1]']", "0")
    # The line is vertical: x[0] = -b / W[1,0].
    expect(page.locator("g.score[data-class='1'] .level")).to_have_attribute("x1", "200.00")
    assert arrow(page, 1) == ([-0.25, -0.05], [0, 0])
    page.fill("input[aria-label='W[1,0]']", "0")
    expect(page.locator("g.score[data-class='1']")).to_have_attribute("display", "none")
    assert arrow(page, 1) is None
    assert arrow(page, 2) == ([0, 0.3], [-0.5, -0.6])
    # Out of sight.
    page.fill("input[aria-label='b[2]']", "100")
    expect(page.locator("g.score[data-class='2']")).to_have_attribute("display", "none")


def test_sliders(page):
    page.locator("#lr-slider").evaluate("slider => { slider.value = -2; slider.dispatchEvent(new Event('input')); }")
    expect(page.locator("#lr")).to_have_value("0.01000")
    page.locator("#reg-slider").evaluate("slider => { slider.value = 0.2; slider.dispatchEvent(new Event('input')); }")
    expect(page.locator("#reg")).to_have_value("0.20000")
    expect(page.locator("#reg-loss")).to_have_text("7.00")
    page.fill("#lr", "3.5")
    page.fill("#reg", "0.01234")
    expect(page.locator("#reg-loss")).to_have_text("0.43")
    state = exported(page)
    assert (state["optimizer"]["lr"], state["reg"]) == (3.5, 0.01234)
    assert page.get_attribute("#lr-slider", "aria-valuetext") == "3.50000"


def test_the_number_of_classes(page):
    page.select_option("#n-classes", "5")
    expect(page.locator("#points thead th[data-class]")).to_have_count(5)
    expect(page.locator("#parameters tr")).to_have_count(5)
    page.locator("[data-point='0']").press("4")
    page.click("#step")
    expect(page.locator("#count")).to_have_text("1")
    page.select_option("#n-classes", "2")
    expect(page.locator("#correct")).to_contain_text("of 5")
    assert set(labels(page)) == {0, 1}
    page.select_option("#n-classes", "8")
    expect(page.locator("#points thead th[data-class]")).to_have_count(8)
    page.select_option("#preset", "separable")
    expect(page.locator("[data-point][data-class='7']")).not_to_have_count(0)
    page.select_option("#n-classes", "3")
    page.select_option("#preset", "lecture")
    expect(page.locator("#total-loss")).to_have_text("6.27")
    for i in range(9):
        page.locator(f"[data-point='{i}']").press("2")
    page.select_option("#n-classes", "2")
    expect(page.locator("#message")).to_contain_text("lower class")
    assert page.input_value("#n-classes") == "3"


def nonsense(page, field, text):
    field.press("Control+a")
    page.keyboard.type(text)
    field.blur()


@pytest.mark.parametrize(
    ("label", "text"),
    [("W[0,0]", "1e"), ("W[0,0]", "1e13"), ("x[0] of point 1", "1001"), ("Batch size", "10"), ("Batch size", "2.5"),
     ("Step size", "-1"), ("Regularization strength λ", "-")],
)  # fmt: skip
def test_nonsense_changes_nothing(page, label, text):
    before = exported(page)
    field = page.get_by_label(label, exact=True)
    kept = field.input_value()
    nonsense(page, field, text)
    expect(page.locator("#message")).to_be_visible()
    expect(page.locator("#message")).to_have_attribute("role", "alert")
    expect(page.locator("#message-text")).to_contain_text(f"{label}: expected a")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert exported(page) == before
    field.press("Escape")
    expect(field).to_have_value(kept)
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#message")).to_be_hidden()


def test_a_new_start_shows_what_it_starts_with(page):
    field = page.get_by_label("Step size", exact=True)
    nonsense(page, field, "-5")
    expect(field).to_have_attribute("aria-invalid", "true")
    page.locator("[data-point='3']").focus()
    page.click("#reset")
    # The step size is what it was: what the field held has to go nevertheless.
    expect(field).to_have_value("0.10000")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#remove")).to_be_disabled()


def test_the_selected_point_stays_selected_or_goes_with_its_class(page):
    page.locator("[data-point='3']").press("2")
    page.locator("[data-point='4']").focus()
    page.focus("#n-classes")
    page.select_option("#n-classes", "2")
    # Of points 1 to 9, 4 and 7 to 9 are gone.
    expect(page.locator("#plane .point")).to_have_count(5)
    expect(page.locator("#plane .selected")).to_have_attribute("aria-label", re.compile("^Point 4 at -0.30, 0.70"))
    page.select_option("#n-classes", "3")
    page.locator("[data-point='4']").press("2")
    page.select_option("#n-classes", "2")
    expect(page.locator("#plane .point")).to_have_count(4)
    expect(page.locator("#remove")).to_be_disabled()


def test_small_numbers_are_not_shown_as_zero(page):
    for label in ("Step size", "weight decay"):
        field = page.get_by_label(label, exact=True)
        field.fill("1e-12")
        field.blur()
        expect(field).to_have_value("1e-12")
    expect(page.locator("#lr-slider")).to_have_attribute("aria-valuetext", "1e-12")


def test_keys_move_a_point_outside_the_plane_along_one_axis(page):
    page.get_by_label("x[0] of point 1", exact=True).fill("5")
    page.get_by_label("x[1] of point 1", exact=True).fill("0.123")
    point = page.locator("[data-point='0']")
    point.press("ArrowUp")
    assert exported(page)["points"][0][:2] == [5, 0.14]
    point.press("ArrowLeft")
    assert exported(page)["points"][0][:2] == [1.25, 0.14]


def test_what_a_rule_refuses_is_told(page):
    page.click("#hyperparameters input[type=checkbox]")
    expect(page.locator("#message-text")).to_contain_text("nesterov must come with momentum")
    expect(page.locator("#hyperparameters input[type=checkbox]")).not_to_be_checked()
    page.fill("#hyperparameters input[type=number] >> nth=0", "0.9")
    page.check("#hyperparameters input[type=checkbox]")
    page.click("#step")
    expect(page.locator("#count")).to_have_text("1")
    assert exported(page)["optimizer"]["nesterov"] is True


def test_divergence_is_told(page):
    page.fill("#lr", "1000")
    page.click("#run")
    expect(page.locator("#message")).to_contain_text("diverged")
    expect(page.locator("#run")).to_have_text("Start repeated update")
    # The last state that was one is kept.
    assert abs(exported(page)["W"][0][0]) <= 1e12
    page.click("#message-close")
    expect(page.locator("#message")).to_be_hidden()
    page.click("#reset")
    expect(page.locator("#total-loss")).to_have_text("6.27")


def test_a_server_that_stopped(browser):
    with serving() as (address, process):
        visitor = Visitor(browser, address)
        visitor.expected_noise = "ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET"
        page = visitor.open()
        page.fill("input[aria-label='W[0,0]']", "2.3")
        expect(page.locator("#total-loss")).to_have_text("6.23")
        process.terminate()
        process.wait()
        page.click("#step")
        expect(page.locator("#message")).to_contain_text("does not answer")
        assert page.text_content("#count") == "0"
        page.locator("[data-point='0']").press("ArrowUp")
        expect(page.locator("[data-point='0']")).to_have_attribute("aria-label", re.compile("^Point 1 at 0.50, 0.40"))
        assert exported(page)["W"][0][0] == 2.3
        visitor.close()


@pytest.mark.parametrize("bad", ["#%%%", "#AAAA", fragment("{}"), fragment('{"version": 1, "page": "knn"}'), fragment("[1")])
def test_a_bad_link(visitor, bad):
    page = visitor.open(bad)
    expect(page.locator("#message")).to_contain_text("The link was not opened")
    expect(page.locator("#total-loss")).to_have_text("6.27")


def test_a_state_that_the_server_refuses(visitor, tmp_path):
    visitor.expected_noise = "422"
    page = visitor.open()
    state = exported(page) | {"loss": "guess"}
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(state), encoding="utf-8")
    page.fill("input[aria-label='W[0,0]']", "2.3")
    page.set_input_files("#import-file", file)
    expect(page.locator("#message")).to_contain_text("loss")
    expect(page.locator("#total-loss")).to_have_text("6.23")
    other = visitor.open(fragment(json.dumps(state)))
    expect(other.locator("#message")).to_contain_text("loss")
    expect(other.locator("#total-loss")).to_have_text("6.27")
    file.write_text("no JSON", encoding="utf-8")
    page.set_input_files("#import-file", file)
    expect(page.locator("#message")).to_contain_text("no JSON")
