"""What all optimizers share: the state of each parameter, one step over all of them, saving and loading."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from deeprob_fast import _kernels, _scalars, _tables, _validation
from deeprob_fast._typing import AnyArray, Hyperparameters


@dataclass
class State:
    """One parameter's: steps taken, and the slots by name and as the rows that the kernel reads."""

    shape: tuple[int, ...]
    step: int
    names: tuple[str, ...]
    slots: AnyArray


class Optimizer(ABC):
    """Base of the optimizers: changes arrays in place by the gradients it is given.

    Attributes
    ----------
    rule : str
        Name of the update rule in the kernels.
    lr : float
        The learning rate. This and the other hyperparameters may be changed between steps.
    initial_lr : float or None
        The learning rate from which the first schedule started.
    """

    rule: ClassVar[str]
    lr: float
    initial_lr: float | None = None
    # The attributes that a saved state restores.
    _hyperparameter_names: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self._states: list[State | None] = []
        self.hyperparameters()

    @abstractmethod
    def hyperparameters(self) -> Hyperparameters:
        """Check the hyperparameters and return them as the kernels read them.

        Returns
        -------
        NamedTuple
            In the order of the C++ struct `Hyperparameters`; those that the rule does not know are 0 or False.

        Raises
        ------
        ValueError
            If one is out of its range.
        TypeError
            If one is not a number.
        """

    @property
    @abstractmethod
    def slot_names(self) -> tuple[str, ...]:
        """Names of the arrays that the rule keeps for each parameter, in the kernel's order."""

    @property
    def n_slots(self) -> int:
        """How many arrays the rule keeps for each parameter."""
        return len(self.slot_names)

    def new_slots(self, size: int, dtype: DTypeLike) -> AnyArray:
        """Return the arrays that the rule keeps for a parameter before its first step.

        Parameters
        ----------
        size : int
            Number of elements of the parameter.
        dtype : dtype
            Of the parameter.

        Returns
        -------
        array, shape (n_slots, size)
        """
        return np.zeros((self.n_slots, size), dtype=dtype)

    def _state_for(self, i: int, parameter: AnyArray) -> State:
        """Return the state of the i-th parameter, made or extended to what the hyperparameters ask for."""
        state = self._states[i]
        if state is None:
            state = State(parameter.shape, 0, self.slot_names, self.new_slots(parameter.size, parameter.dtype))
        elif state.names != self.slot_names:
            slots = self.new_slots(parameter.size, parameter.dtype)
            for row, name in enumerate(self.slot_names):
                if name in state.names:
                    slots[row] = state.slots[state.names.index(name)]
            state = State(parameter.shape, state.step, self.slot_names, slots)
        self._states[i] = state
        return state

    def _kernel_step(self, state: State, names_before: tuple[str, ...]) -> int:  # noqa: ARG002  # SGD needs them
        """Return the number of the step that the kernel computes."""
        return state.step

    def _check(
        self, params: AnyArray | Sequence[AnyArray], grads: AnyArray | Sequence[AnyArray | None] | None
    ) -> tuple[list[AnyArray], list[AnyArray | None]]:
        """Return the parameters and gradients as lists, all of them checked before any is changed."""
        if isinstance(params, Sequence) and not isinstance(params, memoryview):
            given_params: list[Any] = list(params)
            given_grads = [] if grads is None else _scalars.check_sequence("grads", grads, "gradients")
            names = [f"[{i}]" for i in range(len(given_params))]
        else:
            names, given_params, given_grads = [""], [params], [grads]
        if len(given_grads) != len(given_params):
            msg = f"grads must hold one gradient for each of the {len(given_params)} params; got {len(given_grads)}"
            raise ValueError(msg)
        if self._states and len(self._states) != len(given_params):
            msg = f"params must hold {len(self._states)} arrays, as in the steps before; got {len(given_params)}"
            raise ValueError(msg)
        parameters = [check_parameter(f"params{name}", p) for name, p in zip(names, given_params, strict=True)]
        gradients: list[AnyArray | None] = []
        for name, parameter, values in zip(names, parameters, given_grads, strict=True):
            grad = None if values is None else check_gradient(f"grads{name}", values, parameter)
            # Some parameter's own memory, or a view of it, would change under the kernel's hands.
            shared = grad is not None and any(np.may_share_memory(grad, p) for p in parameters)
            gradients.append(grad.copy() if grad is not None and shared else grad)
        for name, parameter, state in zip(names, parameters, self._states, strict=False):
            if state is not None and (state.shape, state.slots.dtype) != (parameter.shape, parameter.dtype):
                msg = (
                    f"params{name} must have shape {state.shape} and dtype {state.slots.dtype}, as in the steps before; "
                    f"got {parameter.shape} and {parameter.dtype}"
                )
                raise ValueError(msg)
        return parameters, gradients

    def step(
        self,
        params: AnyArray | Sequence[AnyArray],
        grads: AnyArray | Sequence[AnyArray | None] | None,
        *,
        n_threads: int | None = None,
    ) -> None:
        """Change the parameters in place by one step.

        Parameters
        ----------
        params : array or sequence of arrays
            float32 or float64, writable, of any shape and strides; the same ones, in the same order, at every step. Arrays that
            are not contiguous are copied and written back.
        grads : array or sequence of arrays
            One for each parameter, of its shape and dtype. Parameters whose gradient is None are left alone.
        n_threads : int, optional
            By default all that the environment grants. Does not change the result.

        Raises
        ------
        ValueError
            If a shape or a hyperparameter is not as stated; nothing is changed then.
        TypeError
            If an array is of another dtype; nothing is changed then.

        Notes
        -----
        One pass over each parameter, its gradient and its state, rounded in the parameter's dtype.
        """
        threads = _validation.check_n_threads(n_threads)
        hyperparameters = self.hyperparameters()
        parameters, gradients = self._check(params, grads)
        self._states = self._states or [None] * len(parameters)
        for i, (parameter, grad) in enumerate(zip(parameters, gradients, strict=True)):
            if grad is None:
                continue
            before = self._states[i]
            state = self._state_for(i, parameter)
            state.step += 1
            step = self._kernel_step(state, () if before is None else before.names)
            in_place = parameter.flags.c_contiguous and parameter.flags.aligned
            flat = parameter.reshape(-1) if in_place else np.array(parameter, order="C").reshape(-1)
            flat_grad = np.require(grad, requirements=["C", "A"]).reshape(-1)
            _kernels.update(self.rule, hyperparameters, step, flat, flat_grad, state.slots, threads)
            if not in_place:
                parameter[...] = flat.reshape(parameter.shape)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the hyperparameters and of the state of each parameter.

        Returns
        -------
        dict
            `rule`; `hyperparameters`, by attribute; `state`, for each parameter None before its first step, else a dict with
            `step` and the arrays that the rule keeps, named as in PyTorch and shaped like the parameter.
        """
        state = [
            None
            if s is None
            else {
                "step": s.step,
                **{name: row.reshape(s.shape).copy() for name, row in zip(s.names, s.slots, strict=True)},
            }
            for s in self._states
        ]
        names = (*self._hyperparameter_names, "initial_lr")
        return {"rule": self.rule, "hyperparameters": {name: getattr(self, name) for name in names}, "state": state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned, and continue from there bit for bit.

        Parameters
        ----------
        state_dict : dict
            Of an optimizer of the same rule.

        Raises
        ------
        ValueError
            If it belongs to another rule or lacks something; nothing is changed then.
        """
        names = {*self._hyperparameter_names, "initial_lr"}
        stored = state_dict.get("hyperparameters", {})
        if state_dict.get("rule") != self.rule or set(stored) != names:
            msg = f"state_dict must be of {self.rule} with {sorted(names)}; got {state_dict.get('rule')!r} with {sorted(stored)}"
            raise ValueError(msg)
        states: list[State | None] = []
        for i, entry in enumerate(state_dict["state"]):
            slot_values = {name: value for name, value in (entry or {}).items() if name != "step"}
            arrays = {name: _validation.as_array(f"state_dict['state'][{i}]", value) for name, value in slot_values.items()}
            kinds = {(array.shape, array.dtype) for array in arrays.values()}
            if len(kinds) > 1:
                msg = f"state_dict['state'][{i}] must hold arrays of one shape and dtype; got {sorted(map(str, kinds))}"
                raise ValueError(msg)
            if not kinds:  # a rule without memory starts anew
                states.append(None)
                continue
            shape, dtype = kinds.pop()
            slots = np.array([array.reshape(-1) for array in arrays.values()], dtype=dtype)
            states.append(State(shape, int(entry["step"]), tuple(arrays), slots))
        probe = copy.copy(self)
        vars(probe).update(stored)
        probe.hyperparameters()
        vars(self).update(stored)
        self._states = states


def check_parameter(name: str, values: object) -> AnyArray:
    """Return an array that an optimizer can change in place."""
    if not isinstance(values, np.ndarray):
        msg = f"{name} must be a NumPy array, to be changed in place; got {type(values).__name__}"
        raise TypeError(msg)
    _tables.check_unmasked(name, values)
    if values.dtype not in (np.float32, np.float64):
        msg = f"{name} must be float32 or float64; got dtype {values.dtype}"
        raise TypeError(msg)
    if not values.flags.writeable:
        msg = f"{name} must be writable, to be changed in place; got a read-only array"
        raise ValueError(msg)
    return values.view(np.ndarray)


def check_gradient(name: str, values: object, parameter: AnyArray) -> AnyArray:
    """Return an array of the parameter's shape and dtype."""
    array = _validation.as_numbers(name, values)
    if array.shape != parameter.shape:
        msg = f"{name} must have the shape of its parameter, {parameter.shape}; got shape {array.shape}"
        raise ValueError(msg)
    if array.dtype != parameter.dtype:
        msg = f"{name} must have the dtype of its parameter, {parameter.dtype}; got dtype {array.dtype}"
        raise TypeError(msg)
    return array
