"""Optimizers: the kernels against the specification bit for bit, and against what PyTorch computed."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprob_fast import _kernels, optim
from deeprob_fast._typing import AnyArray, Hyperparameters
from tests import reference
from tests.optim import optim_cases

DTYPES = (np.float32, np.float64)
NAMES = list(optim_cases.OPTIMIZERS)


def make(name):
    kind, arguments = optim_cases.OPTIMIZERS[name]
    return getattr(optim, kind)(**arguments)


def bits(array):
    return np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_float64_follows_pytorch_for_a_thousand_steps(isa, name):
    w, optimizer = optim_cases.start(np.float64), make(name)
    recorded = optim_cases.recorded()["optimizers"][name]["float64"]
    for step, grad in enumerate(optim_cases.gradients(np.float64), start=1):
        optimizer.step(w, grad)
        if step in optim_cases.KEPT_STEPS:
            np.testing.assert_allclose(w, recorded[str(step)], rtol=1e-13, atol=0, err_msg=str(step))


@pytest.mark.parametrize("name", NAMES)
def test_float32_follows_pytorch_to_two_units_a_step(isa, name):
    w, optimizer = optim_cases.start(np.float32), make(name)
    recorded = optim_cases.recorded()["optimizers"][name]["float32"]
    for step, grad in enumerate(optim_cases.gradients(np.float32), start=1):
        optimizer.step(w, grad)
        if step in optim_cases.KEPT_STEPS:
            theirs = np.array(recorded[str(step)], dtype=np.float32)
            assert (np.abs(w - theirs) <= 2 * step * np.spacing(np.abs(theirs))).all(), step


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_live_pytorch(name, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; its recorded values are compared above")
    kind, arguments = optim_cases.OPTIMIZERS[name]
    ours, optimizer = optim_cases.start(dtype), make(name)
    theirs = torch.nn.Parameter(torch.from_numpy(optim_cases.start(dtype)))
    their_optimizer = getattr(torch.optim, kind)([theirs], foreach=False, **arguments)
    for step, grad in enumerate(optim_cases.gradients(dtype, 100), start=1):
        optimizer.step(ours, grad)
        theirs.grad = torch.from_numpy(grad)
        their_optimizer.step()
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=2 * step * np.finfo(dtype).eps)


@st.composite
def optimizers(draw):
    """Draw a rule and hyperparameters that take every branch."""
    kind = draw(st.sampled_from(("SGD", "Adagrad", "RMSprop", "Adam", "AdamW")))
    share = st.sampled_from((0.0, 0.3, 0.5, 0.9, 0.999))
    arguments = {
        "lr": draw(st.sampled_from((0.0, 1e-3, 0.1, 7.0))),
        "weight_decay": draw(st.sampled_from((0.0, 0.1))),
        "maximize": draw(st.booleans()),
    }
    if kind in ("SGD", "RMSprop"):
        arguments["momentum"] = draw(share)
    if kind == "SGD":
        arguments["nesterov"] = arguments["momentum"] > 0 and draw(st.booleans())
        arguments["dampening"] = 0.0 if arguments["nesterov"] else draw(st.sampled_from((0.0, 0.5, -1.0)))
    else:
        arguments["eps"] = draw(st.sampled_from((1e-10, 1e-3)))
    if kind == "Adagrad":
        arguments["lr_decay"] = draw(st.sampled_from((0.0, 0.1)))
        arguments["initial_accumulator_value"] = draw(st.sampled_from((0.0, 2.0)))
    if kind == "RMSprop":
        arguments |= {"alpha": draw(share), "centered": draw(st.booleans())}
    if kind in ("Adam", "AdamW"):
        arguments |= {"betas": (draw(share), draw(share)), "amsgrad": draw(st.booleans())}
    return getattr(optim, kind)(**arguments)


@given(
    optimizer=optimizers(),
    dtype=st.sampled_from(DTYPES),
    size=st.sampled_from((0, 1, 3, 7, 8, 15, 16, 17, 33, 100, 40000)),
    seed=st.integers(0, 2**32 - 1),
)
@pytest.mark.filterwarnings("ignore:(invalid|divide|overflow):RuntimeWarning")  # infinities are among the gradients' roots
def test_the_kernel_is_the_specification_bit_for_bit(optimizer, dtype, size, seed):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(size).astype(dtype)
    expected, slots = w.copy(), list(optimizer.new_slots(size, dtype))
    for step in (1, 2, 3):
        grad = (rng.standard_normal(size) * 10.0 ** rng.integers(-3, 3, size)).astype(dtype)
        grad[rng.integers(0, 5, size) == 0] = 0
        optimizer.step(w, grad)
        expected, slots = reference.update(optimizer.rule, optimizer.hyperparameters(), step, expected, grad, slots)
        np.testing.assert_array_equal(w, expected)
        state = optimizer.state_dict()["state"][0]
        for name, slot in zip(optimizer.slot_names, slots, strict=True):
            np.testing.assert_array_equal(state[name], slot)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_level_is_the_specification(isa, name, dtype):
    w, optimizer = optim_cases.start(dtype).repeat(5)[:-1], make(name)
    expected, slots = w.copy(), list(optimizer.new_slots(w.size, dtype))
    for step, grad in enumerate(optim_cases.gradients(dtype, 20, w.size), start=1):
        optimizer.step(w, grad)
        expected, slots = reference.update(optimizer.rule, optimizer.hyperparameters(), step, expected, grad, slots)
        assert bits(w) == bits(expected)


@given(
    shape=st.lists(st.integers(0, 5), max_size=3),
    steps=st.lists(st.sampled_from((1, 2, -1)), min_size=3, max_size=3),
    transposed=st.booleans(),
    dtype=st.sampled_from(DTYPES),
)
def test_any_shape_and_strides(shape, steps, transposed, dtype):
    rng = np.random.default_rng(0)
    strided: tuple[Any, ...] = (..., *(slice(None, None, step) for step in steps[: len(shape)]))
    cut: tuple[Any, ...] = (..., *(slice(length) for length in shape))

    def view(room):
        inner = room[strided][cut]
        return inner.T if transposed else inner

    room, grad_room = (rng.standard_normal([2 * length for length in shape]).astype(dtype) for _ in range(2))
    before, outside = room.copy(), np.ones(room.shape, dtype=bool)
    view(outside)[...] = False
    plain = view(room).copy()
    optim.Adam().step(view(room), view(grad_room))
    optim.Adam().step(plain, view(grad_room).copy())
    assert bits(view(room)) == bits(plain)
    assert bits(room[outside]) == bits(before[outside])


def test_threads_do_not_change_bits(isa):
    grads = np.random.default_rng(1).standard_normal((3, 100_001))
    results = []
    for n_threads in (1, 2, 7):
        w, optimizer = np.ones(grads.shape[1]), optim.Adam()
        for grad in grads:
            optimizer.step(w, grad, n_threads=n_threads)
        results.append(bits(w))
    assert len(set(results)) == 1


def test_misaligned_parameters():
    w = np.zeros(5 * 8 + 1, dtype=np.uint8)[1:].view(np.float64)
    grad = np.ones(5 * 8 + 1, dtype=np.uint8)[1:].view(np.float64)
    grad[:] = 1
    assert not w.flags.aligned
    optim.SGD(lr=0.5).step(w, grad)
    assert w.tolist() == [-0.5] * 5


def test_velocity_starts_undampened():
    w, optimizer = np.zeros(1), optim.SGD(lr=1.0, momentum=0.5, dampening=0.75)
    optimizer.step(w, np.array([8.0]))
    assert w[0] == -8
    optimizer.step(w, np.array([8.0]))
    assert w[0] == -8 - (4 + 2)


def test_momentum_switched_on_later_starts_from_the_gradient():
    w, optimizer = np.zeros(1), optim.SGD(lr=1.0, dampening=0.75)
    optimizer.step(w, np.array([1.0]))
    optimizer.momentum = 0.5
    optimizer.step(w, np.array([8.0]))
    assert w[0] == -1 - 8


def test_weight_decay_on_zero_gradients_moves():
    for optimizer in (optim.SGD(momentum=0.9, weight_decay=0.1), optim.Adam(weight_decay=0.1), optim.AdamW()):
        w = np.array([1.0, -1.0])
        for _ in range(2):
            optimizer.step(w, np.zeros(2))
        assert (np.abs(w) > 0).all()
        assert (np.abs(w) < 1).all()
    # The velocity goes on without a gradient.
    w, optimizer = np.zeros(1), optim.SGD(lr=1.0, momentum=0.5)
    optimizer.step(w, np.ones(1))
    optimizer.step(w, np.zeros(1))
    assert w[0] == -1.5


def test_no_decay_adds_nothing_even_to_infinite_parameters():
    w = np.array([np.inf, 1.0])
    optim.SGD(lr=1.0).step(w, np.ones(2))
    assert w.tolist() == [np.inf, 0]


@pytest.mark.parametrize("name", NAMES)
def test_learning_rate_zero_stays_but_remembers(name):
    w, optimizer = np.array([1.0, -1.0]), make(name)
    optimizer.lr = 0.0
    optimizer.step(w, np.ones(2))
    assert w.tolist() == [1, -1]
    for slot in optimizer.slot_names:
        assert (optimizer.state_dict()["state"][0][slot] != 0).all()


def test_amsgrad_keeps_the_largest_uncorrected_square():
    w, optimizer = np.zeros(1), optim.Adam(betas=(0.5, 0.5), amsgrad=True)
    for grad in (4.0, 0.0, 0.0):
        optimizer.step(w, np.array([grad]))
    state = optimizer.state_dict()["state"][0]
    assert state["exp_avg_sq"][0] == 2
    assert state["max_exp_avg_sq"][0] == 8


def test_amsgrad_does_not_hide_nan():
    w, optimizer = np.zeros(1), optim.Adam(amsgrad=True)
    optimizer.step(w, np.ones(1))
    optimizer.step(w, np.array([np.nan]))
    assert np.isnan(optimizer.state_dict()["state"][0]["max_exp_avg_sq"][0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_state_goes_on_bit_for_bit(name, dtype):
    grads = optim_cases.gradients(dtype, 20, 12).reshape(20, 3, 4)
    through, optimizer = [np.ones((3, 4), dtype), np.ones((3, 4), dtype)], make(name)
    for grad in grads[:10]:
        optimizer.step(through, [grad, None])
    state, stopped = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(through)
    for grad in grads[10:]:
        optimizer.step(through, [grad, grad])
    kind, _ = optim_cases.OPTIMIZERS[name]
    resumed = getattr(optim, kind)(lr=123.0)
    resumed.load_state_dict(state)
    resumed = pickle.loads(pickle.dumps(resumed))  # our own
    for grad in grads[10:]:
        resumed.step(stopped, [grad, grad])
    assert [bits(w) for w in stopped] == [bits(w) for w in through]
    assert resumed.state_dict()["hyperparameters"] == state["hyperparameters"]


def test_state_dict_is_a_copy():
    w, optimizer = np.zeros(1), optim.Adam()
    optimizer.step(w, np.ones(1))
    state = optimizer.state_dict()
    before = bits(state["state"][0]["exp_avg"])
    optimizer.step(w, np.ones(1))
    assert bits(state["state"][0]["exp_avg"]) == before


def test_several_parameters_are_independent_of_one_another():
    together: list[AnyArray] = [np.ones((2, 3)), np.ones(4, dtype=np.float32)]
    optimizer = optim.AdamW()
    alone, others = [w.copy() for w in together], [optim.AdamW(), optim.AdamW()]
    for step in range(3):
        grads = [w * (step + 1) for w in together]
        optimizer.step(together, grads)
        for w, grad, other in zip(alone, grads, others, strict=True):
            other.step(w, grad)
    assert [bits(w) for w in together] == [bits(w) for w in alone]


def test_gradients_may_be_the_parameters_themselves():
    u, v = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    optim.SGD(lr=1.0).step([u, v], [v, u])  # of u * v
    assert (u.tolist(), v.tolist()) == ([-2, -2], [2, 2])


def test_hyperparameters_are_in_the_order_of_the_kernels():
    """Each field changes the rule that knows it: were two exchanged, another one would change."""
    w = np.array([1.0, -2.0])
    base = Hyperparameters(0.1, 0.5, 0.25, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5)
    for rule, n_slots, known in (
        ("sgd", 1, {"learning_rate", "momentum", "dampening", "weight_decay", "nesterov", "maximize"}),
        ("adagrad", 1, {"learning_rate", "lr_decay", "weight_decay", "eps", "maximize"}),
        ("rmsprop", 2, {"learning_rate", "alpha", "weight_decay", "eps", "momentum", "centered", "maximize"}),
        ("adam", 2, {"learning_rate", "beta1", "beta2", "weight_decay", "eps", "amsgrad", "decoupled", "maximize"}),
    ):

        def run(h, rule=rule, n_slots=n_slots):
            out = w.copy()
            slots = np.full((n_slots + h.centered * (rule == "rmsprop") + h.amsgrad * (rule == "adam"), 2), 0.5)
            _kernels.update(rule, h, 2, out, np.array([1.0, 0.5]), slots, 1)
            expected, _ = reference.update(rule, h, 2, w, np.array([1.0, 0.5]), list(np.full(slots.shape, 0.5)))
            np.testing.assert_array_equal(out, expected)
            return bits(out)

        for field in Hyperparameters._fields:
            value = getattr(base, field)
            changed = base._replace(**{field: not value if isinstance(value, bool) else value / 2})
            assert (run(changed) != run(base)) == (field in known), (rule, field)


def test_n_slots():
    assert [optim.SGD().n_slots, optim.SGD(momentum=0.9).n_slots, optim.Adagrad().n_slots] == [0, 1, 1]
    assert [optim.RMSprop().n_slots, optim.RMSprop(centered=True, momentum=0.9).n_slots] == [1, 3]
    assert [optim.Adam().n_slots, optim.AdamW(amsgrad=True).n_slots] == [2, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"slots": np.zeros((1, 3))},
        {"slots": np.zeros((2, 4))},
        {"slots": np.zeros((2, 3), dtype=np.float32)},
        {"grad": np.zeros(4)},
        {"grad": np.zeros(3, dtype=np.float32)},
        {"params": np.zeros(3, dtype=np.int64)},
        {"params": np.zeros(6)[::2]},
        {"hyperparameters": (0.1,)},
    ],
)
def test_the_kernel_refuses_what_does_not_fit(isa, changes):
    arguments = {
        "rule": "adam",
        "hyperparameters": optim.Adam().hyperparameters(),
        "step": 1,
        "params": np.zeros(3),
        "grad": np.zeros(3),
        "slots": np.zeros((2, 3)),
        "n_threads": 1,
    }
    _kernels.update(**arguments)
    with pytest.raises(TypeError):
        _kernels.update(**{**arguments, **changes})


def test_the_kernel_refuses_unknown_rules(isa):
    with pytest.raises(ValueError, match="unknown rule adamax"):
        _kernels.update("adamax", optim.Adam().hyperparameters(), 1, np.zeros(3), np.zeros(3), np.zeros((2, 3)), 1)
