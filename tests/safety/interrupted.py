"""Makes long calls until each is interrupted. Arguments: "interrupt", the number of threads, and the names of the calls.

Says "ready" before a call, "interrupted" where KeyboardInterrupt came out of it and the objects still give the same results; then
makes it again or goes to the next one, as it is told. With "tick" in place of "interrupt", it makes each call once and says for
how long another thread of Python's was kept from running at most.
"""

import shutil
import sys
import threading
import time

from tests.safety import long_calls


def attack(name, n_threads):
    """Make one call again and again."""
    long = long_calls.MAKERS[name](n_threads)
    expected = long.check()
    again = True
    while again:
        print("ready", flush=True)
        try:
            while True:
                long.call()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        assert long.check() == expected, f"{name}: another result afterwards"
        again = sys.stdin.readline() == "again\n"


def tick(name, n_threads):
    """Say how long the longest pause of a thread was that does nothing but look at the clock."""
    long = long_calls.MAKERS[name](n_threads)
    longest, done = [0.0], threading.Event()

    def look():
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            longest[0] = max(longest[0], now - last)
            last = now

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    long.call()
    done.set()
    thread.join()
    print(longest[0], flush=True)


if __name__ == "__main__":
    try:
        for call in sys.argv[3:]:
            {"interrupt": attack, "tick": tick}[sys.argv[1]](call, int(sys.argv[2]))
    finally:
        shutil.rmtree(long_calls.folder())
    print("done")
