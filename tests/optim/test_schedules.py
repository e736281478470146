"""Schedules against PyTorch's sequences, and what they promise beyond."""

import math

import numpy as np
import pytest

from deeprob_fast import optim
from tests.optim import optim_cases

NAMES = list(optim_cases.SCHEDULES)


def run(name):
    return optim_cases.run_schedule(
        optim,
        optim.SGD,
        name,
        lambda optimizer, schedule: [*schedule.get_last_lr(), optimizer.momentum, optimizer.lr],
    )


@pytest.mark.parametrize("name", NAMES)
def test_sequences_of_pytorch(name):
    ours, theirs = np.array(run(name)), np.array(optim_cases.recorded()["schedules"][name])
    assert (ours[:, 0] == ours[:, 2]).all()  # what is reported is what is set
    assert len(set(theirs[:, 0])) > 3
    # PyTorch multiplies from step to step; where the cosine ends, it keeps a rest of its roundings.
    np.testing.assert_allclose(ours[:, :2], theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_live_pytorch(name):
    pytest.importorskip("torch", reason="PyTorch is not installed; its recorded values are compared above")
    from tests.optim import record_torch

    np.testing.assert_allclose(np.array(run(name))[:, :2], record_torch.schedule(name), rtol=1e-12, atol=1e-15)


def make(name, optimizer):
    _, _, kind, arguments = optim_cases.SCHEDULES[name]
    arguments = dict(arguments)
    if kind == "SequentialLR":
        arguments["schedulers"] = [getattr(optim, part)(optimizer, **own) for part, own in arguments["schedulers"]]
    return getattr(optim, kind)(optimizer, **arguments)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("optimizer_first", [True, False])
def test_state_goes_on(name, optimizer_first):
    n_steps, lr, kind, _ = optim_cases.SCHEDULES[name]
    metrics = optim_cases.metrics(n_steps) if kind == "ReduceLROnPlateau" else [()] * n_steps

    def follow(schedule, values):
        rates = []
        for value in values:
            schedule.step(*[value] * (value != ()))
            rates += [schedule.get_last_lr(), schedule.optimizer.lr, schedule.optimizer.momentum]
        return rates

    optimizer = optim.SGD(lr=lr, momentum=0.9)
    schedule = make(name, optimizer)
    half = n_steps // 2
    follow(schedule, metrics[:half])
    states = optimizer.state_dict(), schedule.state_dict()

    resumed_optimizer = optim.SGD(lr=lr, momentum=0.9)
    if optimizer_first:
        resumed_optimizer.load_state_dict(states[0])
    resumed = make(name, resumed_optimizer)
    if not optimizer_first:
        resumed_optimizer.load_state_dict(states[0])
    resumed.load_state_dict(states[1])
    assert resumed.get_last_lr() == schedule.get_last_lr() == [resumed_optimizer.lr]
    assert resumed_optimizer.momentum == optimizer.momentum
    assert follow(resumed, metrics[half:]) == follow(schedule, metrics[half:])


def test_last_epoch_starts_in_the_middle():
    optimizer = optim.SGD(lr=1.0)
    schedule = optim.StepLR(optimizer, 2, 0.5, last_epoch=3)
    assert optimizer.lr == 0.25
    assert (schedule.last_epoch, schedule.get_last_lr()) == (4, [0.25])


def test_one_cycle_moves_the_first_beta():
    optimizer = optim.Adam(betas=(0.9, 0.99))
    schedule = optim.OneCycleLR(optimizer, 1.0, total_steps=10)
    assert optimizer.betas == (0.95, 0.99)
    schedule.step()
    schedule.step()
    assert optimizer.betas == pytest.approx((0.85, 0.99))
    assert optimizer.lr == pytest.approx(1.0)


def test_one_cycle_ends():
    optimizer = optim.SGD(momentum=0.9)
    schedule = optim.OneCycleLR(optimizer, 1.0, total_steps=10, anneal_strategy="linear")
    for _ in range(9):
        schedule.step()
    last = optimizer.lr
    assert last == pytest.approx(1 / 25 / 1e4)
    schedule.step()
    assert optimizer.lr == last
    with pytest.raises(ValueError, match="total_steps"):
        schedule.step()
    assert (optimizer.lr, schedule.last_epoch) == (last, 10)


@pytest.mark.parametrize("pct_start", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle_with_empty_phases(pct_start, three_phase):
    schedule = optim.OneCycleLR(optim.SGD(), 1.0, total_steps=10, pct_start=pct_start, three_phase=three_phase)
    rates = [schedule.lr_at(epoch) for epoch in range(11)]
    assert all(math.isfinite(rate) and 0 < rate <= 1 for rate in rates)


def test_plateau_takes_nan_for_no_improvement():
    optimizer = optim.SGD(lr=1.0)
    schedule = optim.ReduceLROnPlateau(optimizer, patience=0)
    schedule.step(1.0)
    schedule.step(math.nan)
    assert optimizer.lr == 0.1
    assert schedule.best == 1.0


def test_cosine_reaches_the_floor_and_rises_again():
    schedule = optim.CosineAnnealingLR(optim.SGD(lr=1.0), T_max=10, eta_min=0.25)
    assert schedule.lr_at(10) == 0.25
    assert schedule.lr_at(20) == 1.0


def test_the_schedule_drives_the_step():
    w, optimizer = np.zeros(1), optim.SGD(lr=1.0)
    schedule = optim.ExponentialLR(optimizer, 0.5)
    for _ in range(3):
        optimizer.step(w, np.ones(1))
        schedule.step()
    assert w[0] == -1.75
