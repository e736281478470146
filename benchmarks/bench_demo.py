"""Count the updates a second of the interactive page in Chromium: `python benchmarks/bench_demo.py --help`."""

import shutil
import statistics
import subprocess
import sys
import time
from typing import Any

import click
from playwright.sync_api import Page, sync_playwright

SERVE = "from deeprob_fast.demo import serve; serve(0, on_ready=lambda address: print(address, flush=True))"
# The preset, its update rule and step size.
CASES = (("lecture", "sgd", 0.1), ("overlapping", "sgd", 0.1), ("overlapping", "adam", 0.01))


def expected_loss(preset: str, rule: str, lr: float, n_updates: int) -> str:
    """Return the total loss after as many updates, as the page writes it, computed without page and server."""
    from deeprob_fast.demo import linear_model, presets
    from deeprob_fast.demo.linear_state import LinearState

    state = {**presets.linear(preset, 0, presets.DEFAULT_N_CLASSES).to_json(), "optimizer": {"name": rule, "lr": lr}}
    for _ in range(n_updates // linear_model.MOST_STEPS):
        state = linear_model.step(LinearState.from_json(state), linear_model.MOST_STEPS).to_json()
    last = LinearState.from_json(state)
    last = linear_model.step(last, n_updates % linear_model.MOST_STEPS)
    return f"{linear_model.view(last, None)['total_loss']:.2f}"


def count(page: Page, seconds: float) -> float:
    """Return the updates a second that the page shows while it repeats them."""
    first, start = int(page.inner_text("#count")), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    return (int(page.inner_text("#count")) - first) / (time.perf_counter() - start)


def time_case(page: Page, case: tuple[str, str, float], rounds: int) -> list[float]:
    """Repeat updates, and compare where they lead with the library's own steps."""
    preset, rule, lr = case
    page.select_option("#preset", preset)
    page.click("#reset")
    page.select_option("#optimizer", rule)
    page.fill("#lr", str(lr))
    page.click("#run")
    count(page, 1)
    rates = [count(page, 1) for _ in range(rounds)]
    page.click("#run")
    page.wait_for_timeout(500)
    shown, n_updates = page.inner_text("#total-loss"), int(page.inner_text("#count"))
    if shown != (expected := expected_loss(*case, n_updates)):
        msg = f"{case}: after {n_updates} updates the page shows {shown}, the library has {expected}"
        raise AssertionError(msg)
    return rates


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=9, show_default=True, help="Seconds that are counted.")
@click.option("--browser", default=shutil.which("chromium"), show_default=True, help="Chromium's executable.")
def main(rounds: int, browser: str) -> None:
    """Count how many updates a second the page takes and shows, its map of 160 x 160 regions with them."""
    command = [sys.executable, "-P", "-c", SERVE]
    options: dict[str, Any] = {"executable_path": browser, "args": ["--no-sandbox"]}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        assert server.stdout is not None
        try:
            page = playwright.chromium.launch(**options).new_page(viewport={"width": 1280, "height": 800})
            page.goto(server.stdout.readline().strip())
            page.locator("#points tbody tr").first.wait_for()
            click.echo("| points | rule | updates a second, median | from | to |\n|---|---|---|---|---|")
            for case in CASES:
                rates = time_case(page, case, rounds)
                middle = statistics.median(rates)
                click.echo(f"| {case[0]} | {case[1]} | {middle:.1f} | {min(rates):.1f} | {max(rates):.1f} |")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
