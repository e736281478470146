"""The demo's server and a browser for the tests of its pages."""

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
_SERVE = "from deeprob_fast.demo import serve; serve(0, on_ready=lambda address: print(address, flush=True))"


@contextmanager
def serving():
    """Run a server of its own process; gives its address and the process."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    # -P: not from the source tree, whose package has no kernels.
    with subprocess.Popen([sys.executable, "-P", "-c", _SERVE], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def demo_server():
    with serving() as (address, _):
        yield address


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    executable = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if executable is None:
        pytest.skip(f"needs a browser: one of {', '.join(_BROWSERS)}")
    with playwright.sync_playwright() as run:
        opened = run.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visitor:
    """Opens pages, and notes what they should never do."""

    def __init__(self, browser, address):
        self.browser = browser
        self.address = address
        self.expected_noise = None
        self._contexts = []
        self._problems = []

    def open(self, path="", *, ready="#plane .point", init=None, **options):
        """Open a page in a context of its own, and wait until it shows something."""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "accept_downloads": True} | options)
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: self._problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self._problems.append(f"error: {error}"))
        page.on("request", self._check_request)
        if init:
            page.add_init_script(init)
        page.goto(self.address + path)
        page.locator(ready).first.wait_for()
        return page

    def _check_request(self, request):
        if not request.url.startswith((self.address, f"blob:{self.address}")):
            self._problems.append(f"request: {request.url}")

    def close(self):
        for context in self._contexts:
            context.close()
        unexpected = [one for one in self._problems if not (self.expected_noise and re.search(self.expected_noise, one))]
        assert not unexpected


@pytest.fixture
def visitor(browser, demo_server):
    """Fails a test whose pages write to the console, raise errors, or ask another server."""
    found = Visitor(browser, demo_server)
    yield found
    found.close()


@pytest.fixture
def page(visitor):
    return visitor.open()


def exported(page):
    """Return the state of a page, as its button exports it."""
    with page.expect_download() as download:
        page.locator("#export").dispatch_event("click")  # a real one would scroll there
    return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))


def center(page, i):
    """Return where a point is on the screen."""
    box = page.locator(f"[data-point='{i}'] .dot").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def place(page, x0, x1):
    """Return where on the screen a place of the plane is."""
    box = page.locator("#plane svg").bounding_box()
    return box["x"] + (x0 + 1.25) / 2.5 * box["width"], box["y"] + (1.25 - x1) / 2.5 * box["height"]


def fragment(text):
    """Return what an address ends with that holds a state."""
    return "#" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def until(page, condition, argument=None):
    """Wait until a JavaScript function returns something true; the pages' policy forbids Playwright's own way."""
    end = time.monotonic() + 5
    while not page.evaluate(condition, argument):
        assert time.monotonic() < end, f"never came true: {condition}"
        page.wait_for_timeout(20)


def until_count(page, least):
    """Wait until there were so many updates."""
    until(page, "least => Number(document.getElementById('count').textContent) >= least", least)
