"""What runs under a thread sanitizer: every parallel kernel, alone and from several Python threads at once.

``python race.py 1500`` makes that many calls from eight threads, after each call alone. The sanitizer reports on its own and
changes the exit code; this script checks that all results are equal.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.safety.calls import CALLS

N_THREADS = 4
N_CALLERS = 8


def main(n_calls: int) -> None:
    """Make the calls; fail if one differs."""
    expected = {}
    for name, call in CALLS.items():
        expected[name] = call(N_THREADS)
        if any(call(N_THREADS) != expected[name] for _ in range(7)):
            sys.exit(f"{name}: calls differ")
    print(f"{len(CALLS)} kinds of call, 8 times each: equal", flush=True)
    names = list(CALLS)
    with ThreadPoolExecutor(N_CALLERS) as callers:
        equal = callers.map(lambda i: CALLS[names[i % len(names)]](N_THREADS) == expected[names[i % len(names)]], range(n_calls))
        different = [names[i % len(names)] for i, same in enumerate(equal) if not same]
    if different:
        sys.exit(f"calls differ: {different}")
    print(f"{n_calls} calls from {N_CALLERS} threads: equal")


if __name__ == "__main__":
    main(int(sys.argv[1]))
