"""Every message of the optimizers and schedules: the argument's name, what was expected, what came. Nothing changes before."""

import numpy as np
import pytest

from deeprob_fast import optim

W = np.ones(3)


def read_only():
    array = np.ones(3)
    array.setflags(write=False)
    return array


def twice(first, second):
    optimizer = optim.Adam()
    optimizer.step(first, [0 * w for w in first] if isinstance(first, list) else 0 * first)
    optimizer.step(second, [0 * w for w in second] if isinstance(second, list) else 0 * second)


def sgd():
    return optim.SGD(lr=0.1)


ROWS = [
    (lambda: optim.SGD(lr=-1), ValueError, "lr must be finite and at least 0; got -1"),
    (lambda: optim.SGD(lr=np.nan), ValueError, "lr must be finite and at least 0; got nan"),
    (lambda: optim.SGD(lr="0.1"), TypeError, "lr must be a number; got '0.1'"),
    (lambda: optim.SGD(lr=True), TypeError, "lr must be a number; got True"),
    (lambda: optim.SGD(momentum=-0.1), ValueError, "momentum must be finite and at least 0; got -0.1"),
    (lambda: optim.SGD(dampening=np.inf), ValueError, "dampening must be finite; got inf"),
    (lambda: optim.SGD(weight_decay=-1), ValueError, "weight_decay must be finite and at least 0; got -1"),
    (lambda: optim.SGD(nesterov=True), ValueError, "nesterov must come with momentum above 0 .*got momentum 0 and dampening 0"),
    (lambda: optim.SGD(0.1, 0.9, 0.5, nesterov=True), ValueError, "nesterov must come .*got momentum 0.9 and dampening 0.5"),
    (lambda: optim.Adagrad(lr_decay=-1), ValueError, "lr_decay must be finite and at least 0; got -1"),
    (lambda: optim.Adagrad(initial_accumulator_value=-1), ValueError, "initial_accumulator_value must be .*at least 0; got -1"),
    (lambda: optim.Adagrad(eps=-1), ValueError, "eps must be finite and at least 0; got -1"),
    (lambda: optim.RMSprop(alpha=1.5), ValueError, "alpha must be finite and at least 0 and at most 1; got 1.5"),
    (lambda: optim.RMSprop(momentum=-1), ValueError, "momentum must be finite and at least 0; got -1"),
    (lambda: optim.Adam(betas=(1.0, 0.9)), ValueError, r"betas\[0\] must be finite and at least 0 and below 1; got 1.0"),
    (lambda: optim.Adam(betas=(0.9, -0.1)), ValueError, r"betas\[1\] must be finite and at least 0 and below 1; got -0.1"),
    (lambda: optim.Adam(betas=0.9), ValueError, "betas must be two numbers; got 0.9"),
    (lambda: sgd().step([1.0], [1.0]), TypeError, r"params\[0\] must be a NumPy array, to be changed in place; got float"),
    (lambda: sgd().step(1.0, 1.0), TypeError, "params must be a NumPy array, to be changed in place; got float"),
    (lambda: sgd().step(np.ones(3, int), W), TypeError, "params must be float32 or float64; got dtype int64"),
    (lambda: sgd().step(np.ones(3, ">f8"), W), TypeError, "params must be float32 or float64; got dtype >f8"),
    (lambda: sgd().step(read_only(), W), ValueError, "params must be writable, to be changed in place; got a read-only array"),
    (lambda: sgd().step(W, np.ones(4)), ValueError, r"grads must have the shape of its parameter, \(3,\); got shape \(4,\)"),
    (
        lambda: sgd().step(W, np.ones(3, "f4")),
        TypeError,
        "grads must have the dtype of its parameter, float64; got dtype float32",
    ),
    (lambda: sgd().step([W, W], [W]), ValueError, "grads must hold one gradient for each of the 2 params; got 1"),
    (lambda: sgd().step(W, W, n_threads=0), ValueError, "n_threads must be between 1"),
    (
        lambda: twice(np.ones(3), np.ones(4)),
        ValueError,
        r"params must have shape \(3,\) and dtype float64.*got \(4,\) and float64",
    ),
    (lambda: twice(np.ones(3), np.ones(3, "f4")), ValueError, r"params must have .*dtype float64.*got \(3,\) and float32"),
    (lambda: twice([W, W], [W]), ValueError, "params must hold 2 arrays, as in the steps before; got 1"),
    (lambda: sgd().load_state_dict(optim.Adam().state_dict()), ValueError, "state_dict must be of sgd with .*got 'adam' with"),
    (lambda: sgd().load_state_dict({}), ValueError, "state_dict must be of sgd with .*got None with"),
    (lambda: optim.StepLR(W, 3), TypeError, "optimizer must be one of deeprob_fast.optim; got ndarray"),
    (lambda: optim.ReduceLROnPlateau(3), TypeError, "optimizer must be one of deeprob_fast.optim; got int"),
    (lambda: optim.StepLR(sgd(), 0), ValueError, "step_size must be between 1 .*; got 0"),
    (lambda: optim.StepLR(sgd(), 1.5), TypeError, "step_size must be an integer; got 1.5"),
    (lambda: optim.StepLR(sgd(), 1, -1), ValueError, "gamma must be finite and at least 0; got -1"),
    (lambda: optim.StepLR(sgd(), 1, last_epoch=-2), ValueError, "last_epoch must be between -1 .*; got -2"),
    (lambda: optim.MultiStepLR(sgd(), [1, -1]), ValueError, "milestones must be between 0 .*; got -1"),
    (lambda: optim.LinearLR(sgd(), 0), ValueError, "start_factor must be above 0; got 0"),
    (lambda: optim.LinearLR(sgd(), 2), ValueError, "start_factor must be finite and at least 0 and at most 1; got 2"),
    (lambda: optim.LinearLR(sgd(), 1, -1), ValueError, "end_factor must be finite and at least 0 and at most 1; got -1"),
    (lambda: optim.LinearLR(sgd(), total_iters=0), ValueError, "total_iters must be between 1 .*; got 0"),
    (lambda: optim.CosineAnnealingLR(sgd(), 0), ValueError, "T_max must be between 1 .*; got 0"),
    (lambda: optim.OneCycleLR(sgd(), 1.0), ValueError, "total_steps must be given, or epochs and steps_per_epoch"),
    (lambda: optim.OneCycleLR(sgd(), 1.0, 0), ValueError, "total_steps must be between 1 .*; got 0"),
    (lambda: optim.OneCycleLR(sgd(), 0.0, 5), ValueError, "max_lr must be finite and above 0; got 0.0"),
    (lambda: optim.OneCycleLR(sgd(), 1.0, 5, pct_start=2), ValueError, "pct_start must be .*at most 1; got 2"),
    (
        lambda: optim.OneCycleLR(sgd(), 1.0, 5, anneal_strategy="exp"),
        ValueError,
        "anneal_strategy must be one of cos, linear; got 'exp'",
    ),
    (lambda: optim.OneCycleLR(optim.Adagrad(), 1.0, 5), ValueError, "cycle_momentum must be False .*got Adagrad"),
    (lambda: optim.OneCycleLR(sgd(), 1.0, 5, max_momentum=1), ValueError, "max_momentum must be .*below 1; got 1"),
    (lambda: optim.OneCycleLR(sgd(), 1.0, 5).lr_at(6), ValueError, "total_steps must cover every step .*got 5, and a step to 6"),
    (lambda: optim.ReduceLROnPlateau(sgd(), "low"), ValueError, "mode must be one of min, max; got 'low'"),
    (lambda: optim.ReduceLROnPlateau(sgd(), threshold_mode="x"), ValueError, "threshold_mode must be one of rel, abs; got 'x'"),
    (lambda: optim.ReduceLROnPlateau(sgd(), factor=1.0), ValueError, "factor must be .*below 1; got 1.0"),
    (lambda: in_row([], [W]), ValueError, r"schedulers\[0\] must be a schedule by steps .*got ndarray"),
    (lambda: optim.SequentialLR(sgd(), [optim.StepLR(sgd(), 1)], []), ValueError, r"schedulers\[0\] must .*got StepLR"),
    (lambda: in_row([3]), ValueError, r"milestones must be 0 ascending numbers, one fewer than schedulers; got \[3\]"),
]


def in_row(milestones, schedulers=None):
    optimizer = sgd()
    return optim.SequentialLR(optimizer, schedulers or [optim.StepLR(optimizer, 1)], milestones)


@pytest.mark.parametrize(("call", "error", "words"), ROWS)
def test_message(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_nothing_changes_before_everything_is_checked():
    first, second, optimizer = np.ones(3), np.ones(3), optim.Adam()
    with pytest.raises(ValueError, match=r"grads\[1\]"):
        optimizer.step([first, second], [np.ones(3), np.ones(4)])
    assert first.tolist() == [1, 1, 1]
    assert optimizer.state_dict()["state"] == []
    optimizer.lr = -1
    with pytest.raises(ValueError, match="lr must"):
        optimizer.step(first, np.ones(3))
    assert first.tolist() == [1, 1, 1]


def test_a_bad_state_leaves_the_optimizer_alone():
    optimizer, state = optim.Adam(lr=0.1), optim.Adam(lr=0.2).state_dict()
    state["hyperparameters"]["betas"] = (2, 2)
    with pytest.raises(ValueError, match=r"betas\[0\]"):
        optimizer.load_state_dict(state)
    state = optim.Adam(lr=0.2).state_dict()
    state["state"] = [{"step": 1, "exp_avg": np.zeros(3), "exp_avg_sq": np.zeros(4)}]
    with pytest.raises(ValueError, match=r"state_dict\['state'\]\[0\] must hold arrays of one shape and dtype"):
        optimizer.load_state_dict(state)
    assert (optimizer.lr, optimizer.betas) == (0.1, (0.9, 0.999))
