"""The command line, as `deeprob-fast` and as `python -m deeprob_fast`."""

import sys


def run() -> None:
    """Run it. Ctrl-C while it is being imported, where nobody handles it yet, leaves no traceback either."""
    try:
        from deeprob_fast.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    main()


if __name__ == "__main__":
    run()
