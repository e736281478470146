"""Calls from many Python threads at once give the bytes that they give alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.safety.calls import CALLS

N_CALLERS = 8


def together(names, n_threads=2):
    with ThreadPoolExecutor(N_CALLERS) as callers:
        return list(callers.map(lambda name: CALLS[name](n_threads), names))


def test_every_kind_of_call():
    alone = [CALLS[name](1) for name in CALLS]
    different = [name for name, found, expected in zip(CALLS, together(CALLS), alone, strict=True) if found != expected]
    assert not different


def test_nobody_takes_the_one_thread_of_blas_away():
    """Who ended first used to give BLAS its threads back, in the middle of the others' products."""
    assert len(set(together(["optimum"] * 40))) == 1


@pytest.mark.slow
def test_thousands_of_calls():
    names = list(CALLS) * 65
    alone = {name: CALLS[name](1) for name in CALLS}
    assert [name for name, found in zip(names, together(names), strict=True) if found != alone[name]] == []
