"""`deeprob-fast demo`: the lecture's interactive pages, in the browser."""

import threading
import webbrowser

import click

from deeprob_fast.cli._places import Command


@click.command(cls=Command)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="To listen on; 0 for any free one.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page.")
def demo(port: int, browser: bool) -> None:
    """Serve the interactive pages on this machine, for itself alone, until Ctrl-C.

    \b
    Examples:
      deeprob-fast demo
      deeprob-fast demo --port 0 --no-browser
    """  # noqa: D301  # click wants the control character
    from deeprob_fast.demo import serve

    def ready(address: str) -> None:
        click.echo(f"linear classifiers: {address}\nnearest neighbours: {address}knn\nCtrl-C ends the server.")
        if browser:
            # Some browsers return when they are closed.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    serve(port, on_ready=ready)
