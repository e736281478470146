"""Take the pictures of the interactive pages: python docs/screenshots.py. Needs playwright, Pillow and Chromium."""

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
SERVE = "from deeprob_fast.demo import serve; serve(0, on_ready=lambda address: print(address, flush=True))"
N_UPDATES = 40
N_COLORS = 128


def main() -> None:
    """Write both pictures."""
    command = [sys.executable, "-P", "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.locator("#points tbody tr").first.wait_for()
        for _ in range(N_UPDATES):
            page.click("#step")
        page.get_by_text(f"Updates so far: {N_UPDATES}").wait_for()
        page.screenshot(path=IMAGES / "demo.png")
        page.goto(f"{address}knn")
        page.locator("#neighbors tbody tr").first.wait_for()
        page.screenshot(path=IMAGES / "demo_knn.png")
        browser.close()
        server.terminate()
    for name in ("demo.png", "demo_knn.png"):
        # Few colours make a small file.
        Image.open(IMAGES / name).convert("RGB").quantize(N_COLORS, Image.Quantize.FASTOCTREE).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
