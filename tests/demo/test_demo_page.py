"""The page for linear classifiers: its numbers, its updates, what it keeps."""

import json
import re

import numpy as np
import pytest

from tests.demo.browser import exported, until_count
from tests.nine_points import BIAS, KNOWN, LABELS, POINTS, WEIGHTS

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
expect = playwright.expect


def shown(values):
    """Return numbers as the page writes them."""
    return [f"{round(value, 6) + 0.0:.2f}" for value in values]


def row(page, i):
    """Return all cells of a row of the table: fields by what they hold."""
    return (
        page.locator("#points tbody tr")
        .nth(i)
        .evaluate("row => [...row.cells].map(cell => cell.querySelector('input, select')?.value ?? cell.textContent)")
    )


def totals(page):
    return [page.text_content(f"#{name}") for name in ("data-loss", "reg-loss", "total-loss", "correct")]


def parameters(page, what):
    """Return the texts of W and b, a row a class: the values, or the gradients."""
    query = "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => %s))"
    part = {"values": "cell.querySelector('input').value", "gradients": "cell.querySelector('.gradient').textContent"}[what]
    return page.locator("#parameters tr").evaluate_all(query % part)


@pytest.mark.parametrize("loss", KNOWN)
def test_the_numbers_of_the_lecture(page, loss):
    losses, data, grad_w, grad_b, (total, *_) = KNOWN[loss]
    page.check(f"input[name=loss][value={loss}]")
    expect(page.locator("#total-loss")).to_have_text(f"{total:.2f}")
    assert totals(page) == [f"{data:.2f}", "3.50", f"{total:.2f}", "2 of 9"]
    assert page.text_content("#points .mean") == f"{data:.2f}"
    for i, ((x0, x1), label) in enumerate(zip(POINTS, LABELS, strict=True)):
        scores = WEIGHTS @ [x0, x1] + BIAS
        mark = "" if scores.argmax() == label else "✗"
        assert row(page, i) == [*shown([x0, x1]), str(label), *shown(scores), *shown([losses[i]]), mark]
        winner = page.locator("#points tbody tr").nth(i).locator(".winner")
        assert winner.get_attribute("data-class") == str(scores.argmax())
        loss_cell = page.locator("#points tbody td.loss").nth(i)
        assert ("zero" in loss_cell.get_attribute("class")) == (losses[i] == 0)
    assert parameters(page, "values") == [shown([*weights, bias]) for weights, bias in zip(WEIGHTS, BIAS, strict=True)]
    gradients = np.column_stack([np.array(grad_w) + 2 * 0.1 * WEIGHTS, grad_b])
    assert parameters(page, "gradients") == [shown(line) for line in gradients]


def test_the_numbers_of_the_screenshot(page):
    page.select_option("#preset", "screenshot")
    expect(page.locator("#total-loss")).to_have_text("6.23")
    assert totals(page)[:3] == ["2.30", "3.93", "6.23"]
    losses = page.locator("#points tbody td.loss").all_text_contents()
    assert losses == ["0.00", "0.16", "0.00", "2.68", "6.41", "1.49", "2.50", "3.30", "4.18"]
    assert page.input_value("#lr") == "0.09976"
    page.check("#original-gradient")
    expect(page.locator("#gradient-1-1")).to_have_text("-0.61")
    assert [page.text_content(f"#gradient-2-{j}") for j in (0, 1)] == ["0.12", "0.32"]


def update(page, count):
    """Press the button many times, faster than the server can follow."""
    page.evaluate("count => { for (let i = 0; i < count; i += 1) document.getElementById('step').click(); }", count)


def test_two_hundred_updates(page):
    page.click("#step")
    expect(page.locator("#count")).to_have_text("1")
    assert page.text_content("#total-loss") == "6.00"
    assert page.text_content("#status") == "Update 1: total loss 6.00, 2 of 9 points correct."
    update(page, 199)
    expect(page.locator("#count")).to_have_text("200")
    assert totals(page)[3] == "9 of 9"
    state = exported(page)
    np.testing.assert_allclose(state["W"], [[0.8405, 0.8028], [-0.8049, 0.2973], [0.0699, -1.1529]], atol=5e-5)
    np.testing.assert_allclose(state["b"], [-0.1667, 0.1444, 0.0222], atol=5e-5)
    history = dict(state["history"])
    np.testing.assert_allclose([history[t] for t in (0, 1, 10, 50, 199)], [6.2667, 6.0003, 4.0363, 0.9855, 0.6620], atol=5e-5)
    shown_values = [shown([*weights, bias]) for weights, bias in zip(state["W"], state["b"], strict=True)]
    assert parameters(page, "values") == shown_values
    assert page.locator("#curve polyline").get_attribute("points").count(",") == 201


def test_more_updates_than_the_server_makes_at_a_time(page):
    # As of a key that is held down while the server is busy.
    page.evaluate("for (let i = 0; i < 1003; i += 1) document.getElementById('step').click()")
    expect(page.locator("#count")).to_have_text("1003")
    expect(page.locator("#message")).to_be_hidden()


def test_the_gradient_of_the_original_page(page):
    page.check("#original-gradient")
    page.click("#step")
    expect(page.locator("#total-loss")).to_have_text("6.13")
    page.check("input[name=penalty][value=l1]")
    expect(page.locator("#original-gradient")).to_be_disabled()
    expect(page.locator("#original-gradient")).not_to_be_checked()
    assert exported(page)["penalty"] == "l1"


def test_repeated_updates_start_and_stop(page):
    page.click("#run")
    expect(page.locator("#run")).to_have_text("Stop repeated update")
    expect(page.locator("#rate")).to_have_text(re.compile(r"^\d+ a second$"))
    until_count(page, 40)
    assert "Update" not in page.text_content("#status")
    page.fill("input[aria-label='W[0,0]']", "1.5")
    page.click("#run")
    expect(page.locator("#run")).to_have_text("Start repeated update")
    expect(page.locator("#status")).to_have_text(re.compile("^Stopped after update"))
    page.wait_for_timeout(100)
    count = page.text_content("#count")
    page.wait_for_timeout(200)
    assert page.text_content("#count") == count
    assert page.text_content("#rate") == ""


def test_changes_while_it_runs_are_kept(page):
    page.click("#run")
    until_count(page, 3)
    for i in range(9):
        page.fill(f"input[aria-label='x[0] of point {i + 1}']", f"{i / 10}")
    page.fill("#reg", "0.2")
    page.check("input[name=loss][value=softmax]")
    page.click("#run")
    state = exported(page)
    assert [point[0] for point in state["points"]] == [i / 10 for i in range(9)]
    assert (state["reg"], state["loss"]) == (0.2, "softmax")


def test_one_request_at_a_time(visitor):
    count = """
        const send = window.fetch;
        window.under = 0; window.most = 0;
        window.fetch = async (...all) => {
          window.under += 1; window.most = Math.max(window.most, window.under);
          try { return await send(...all); } finally { window.under -= 1; }
        };"""
    page = visitor.open(init=count)
    page.click("#run")
    point = page.locator("[data-point='0']")
    for key in ("ArrowUp", "ArrowRight", "3", "Delete") * 2:
        point.press(key)
    page.click("#randomize")
    page.click("#run")
    assert page.evaluate("window.most") == 1


def test_every_preset(page):
    names = page.locator("#preset option").evaluate_all("list => list.map(option => option.value)")
    assert len(names) == 5
    for name in names[::-1]:
        page.select_option("#preset", name)
        expect(page.locator("#status")).to_have_text(re.compile("^New start"))
        page.evaluate("document.getElementById('status').textContent = ''")
        page.click("#step")
        expect(page.locator("#count")).to_have_text("1")
        expect(page.locator("#message")).to_be_hidden()
    assert exported(page)["points"] == [[*point, label] for point, label in zip(POINTS.tolist(), LABELS.tolist(), strict=True)]


def test_every_update_rule(page):
    names = page.locator("#optimizer option").evaluate_all("list => list.map(option => option.value)")
    assert len(names) >= 5
    for name in names:
        page.click("#reset")
        expect(page.locator("#count")).to_have_text("0")
        page.select_option("#optimizer", name)
        update(page, 20)
        expect(page.locator("#count")).to_have_text("20")
        expect(page.locator("#message")).to_be_hidden()
        assert exported(page)["optimizer"]["name"] == name
    momentum = page.locator("#hyperparameters").get_by_label("momentum", exact=True)
    page.select_option("#optimizer", "sgd")
    momentum.fill("0.9")
    page.fill("#batch-size", "4")
    update(page, 20)
    expect(page.locator("#count")).to_have_text("40")
    state = exported(page)
    assert (state["optimizer"]["momentum"], state["batch_size"]) == (0.9, 4)


def used(page):
    """Change a bit of everything."""
    page.select_option("#optimizer", "adam")
    page.fill("input[aria-label='x[0] of point 1']", "0.123456789")
    page.check("input[name=loss][value=softmax]")
    page.fill("#batch-size", "5")
    update(page, 7)
    expect(page.locator("#count")).to_have_text("7")
    return exported(page)


def test_export_then_import_restores_everything(page, tmp_path):
    state = used(page)
    table = [row(page, i) for i in range(9)]
    file = tmp_path / "kept.json"
    file.write_text(json.dumps(state), encoding="utf-8")
    page.click("#reset")
    expect(page.locator("#count")).to_have_text("0")
    page.set_input_files("#import-file", file)
    expect(page.locator("#count")).to_have_text("7")
    assert exported(page) == state
    assert [row(page, i) for i in range(9)] == table
    # What follows is the same as well.
    page.click("#step")
    expect(page.locator("#count")).to_have_text("8")
    after = exported(page)
    page.set_input_files("#import-file", file)
    expect(page.locator("#count")).to_have_text("7")
    page.click("#step")
    expect(page.locator("#count")).to_have_text("8")
    assert exported(page) == after


def test_a_link_restores_everything(visitor):
    page = visitor.open(permissions=["clipboard-read", "clipboard-write"])
    state = used(page)
    page.click("#copy-link")
    expect(page.locator("#link-said")).to_have_text(re.compile("^Link copied"))
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(rf"{visitor.address}#[\w-]+", link)
    fragment = link.removeprefix(visitor.address)
    other = visitor.open(fragment)
    expect(other.locator("#count")).to_have_text("7")
    assert exported(other) == state
    # In the address bar of a page that is open already.
    third = visitor.open()
    third.evaluate("fragment => { location.hash = fragment; }", fragment)
    expect(third.locator("#count")).to_have_text("7")
    assert exported(third) == state


def test_two_tabs_are_independent(visitor):
    first, second = visitor.open(), visitor.open()
    update(first, 10)
    expect(first.locator("#count")).to_have_text("10")
    second.fill("input[aria-label='b[0]']", "1")
    expect(second.locator("#total-loss")).not_to_have_text("6.27")
    assert second.text_content("#count") == "0"
    assert exported(first)["b"][0] != 1
    assert exported(second)["W"] == WEIGHTS.tolist()


def test_changes_before_an_answer_are_kept(visitor):
    """A slow server answers to Reset after people went on."""
    slow = """
        const send = window.fetch;
        window.fetch = async (...all) => {
          await new Promise((go) => setTimeout(go, 100));
          return send(...all);
        };"""
    page = visitor.open(init=slow)
    page.fill("input[aria-label='W[0,0]']", "1.5")
    page.evaluate("""() => {
        for (const name of ["reset", "randomize", "reset"]) document.getElementById(name).click();
        const field = document.querySelector("input[aria-label='b[1]']");
        field.value = "1.75";
        field.dispatchEvent(new Event("input"));
        document.getElementById("step").click();
    }""")
    expect(page.locator("#count")).to_have_text("1")
    state = exported(page)
    # One update from there.
    np.testing.assert_allclose(state["W"], WEIGHTS, atol=0.2)
    assert state["W"][0][0] < 1.2
    assert abs(state["b"][1] - 1.75) < 0.1


def test_randomize_and_reset(page):
    page.click("#randomize")
    expect(page.locator("#status")).to_have_text(re.compile("^Other parameters"))
    first = parameters(page, "values")
    assert first != parameters(page, "gradients")
    page.click("#randomize")
    expect(page.locator("input[aria-label='W[0,0]']")).not_to_have_value(first[0][0])
    page.click("#reset")
    expect(page.locator("#total-loss")).to_have_text("6.27")
    assert exported(page)["W"] == WEIGHTS.tolist()
