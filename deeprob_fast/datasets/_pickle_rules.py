"""Which pickles are data: their instructions are followed without making anything, as far as is needed to know what they make.

What takes more time or memory than its bytes is refused: containers that stand in several places (forty lists of twice the list
before are a billion leaves), keys that are not flat, deep nesting, long integers, and a memo with gaps.
"""

import functools
import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

from deeprob_fast._files.refusal import shown

_DEEPEST = 8  # containers, one in the other
_LONGEST_KEY = 16  # items of a tuple
_MOST_ENTRIES = 1024  # of all dicts and sets: keys can be chosen so that each new one is compared with all before
_LONGEST_INTEGER = 8 * 255  # bits, which the shorter of the two instructions for them takes
_LONGEST_KEY_INTEGER = 60  # bits, so that its hash is itself
# A data set of 60,000 images, each an array of its own, takes one and a half million.
_MOST_INSTRUCTIONS = 1 << 21


class RefusedError(Exception):
    """The pickle holds what it must not."""


class Allowance:
    """How many instructions the pickles of a data set may have, and how many entries the dicts and sets of one."""

    def __init__(self) -> None:
        self.n_instructions = _MOST_INSTRUCTIONS
        self.n_entries = _MOST_ENTRIES

    def renew_entries(self) -> None:
        """Begin another pickle."""
        self.n_entries = _MOST_ENTRIES

    def take_entries(self, number: int) -> None:
        """Count entries; refuse more than are allowed."""
        self.n_entries -= number
        if self.n_entries < 0:
            msg = f"its sets and dicts have more than {_MOST_ENTRIES} entries"
            raise RefusedError(msg)


class _Held(NamedTuple):
    """What is known of a value."""

    depth: int = 0  # of containers
    may_recur: bool = True  # be there in several places
    may_be_key: bool = True
    parts_recur: bool = True  # so may the parts of a tuple


_PLAIN = _Held()
_LONG = _Held(may_be_key=False)
_NAMED = _Held(may_be_key=False)
_MADE = _Held()


@functools.cache
def _held(depth: int, may_recur: bool, may_be_key: bool, parts_recur: bool) -> _Held:
    return _Held(depth, may_recur, may_be_key, parts_recur)


def _container(parts: list[_Held], *, is_tuple: bool) -> _Held:
    depth, may_be_key, parts_recur = 0, is_tuple, is_tuple
    for part in parts:
        depth = max(depth, part.depth)
        may_be_key &= part.may_be_key
        parts_recur &= part.may_recur
    if depth >= _DEEPEST:
        msg = f"it is nested more than {_DEEPEST} deep"
        raise RefusedError(msg)
    is_flat = is_tuple and depth == 0 and len(parts) <= _LONGEST_KEY
    return _held(depth + 1, is_flat, is_flat and may_be_key, parts_recur)


_EMPTY, _EMPTY_TUPLE = _container([], is_tuple=False), _container([], is_tuple=True)


class _Stack:
    """The stack and the memo of a pickle that is being read."""

    def __init__(self, allowance: Allowance) -> None:
        self.held: list[_Held] = []
        self.marks: list[int] = []
        self.memo: dict[int, _Held] = {}
        self.allowance = allowance

    def push(self, argument: Any) -> None:
        """Push a number or a string."""
        if type(argument) is int and argument.bit_length() > _LONGEST_KEY_INTEGER:
            if argument.bit_length() > _LONGEST_INTEGER:
                msg = f"it holds {shown(argument)}"
                raise RefusedError(msg)
            self.held.append(_LONG)
        else:
            self.held.append(_PLAIN)

    def popped(self, number: int) -> list[_Held]:
        """Take the last values."""
        if number > len(self.held):
            msg = "there is nothing on its stack"
            raise RefusedError(msg)
        parts = self.held[len(self.held) - number :]
        del self.held[len(self.held) - number :]
        return parts

    def since_mark(self) -> list[_Held]:
        """Take what has been pushed since the last mark."""
        if not self.marks:
            msg = "there is no mark on its stack"
            raise RefusedError(msg)
        return self.popped(len(self.held) - self.marks.pop())

    def extend(self, parts: list[_Held]) -> None:
        """Put values into the last container."""
        (target,) = self.popped(1)
        grown = _container(parts, is_tuple=False)
        self.held.append(grown if grown.depth > target.depth else target)

    def enter(self, keys: list[_Held], parts: list[_Held]) -> None:
        """Put keys and values into the last container."""
        self.allowance.take_entries(len(keys))
        if not all(key.may_be_key for key in keys):
            msg = "it holds a key that is not a number, a string or a short tuple of them"
            raise RefusedError(msg)
        self.extend(parts)

    def name(self) -> None:
        """Look up a function."""
        self.popped(2)
        self.held.append(_NAMED)

    def call(self) -> None:
        """Call a function; what it makes can be in several places if its arguments can."""
        _, arguments = self.popped(2)
        self.held.append(_MADE if arguments.parts_recur else arguments._replace(may_recur=False, may_be_key=False))

    def give_state(self) -> None:
        """Give a state to something that was made."""
        target, _ = self.popped(2)
        if target is not _MADE:
            msg = "it gives a state to what has none"
            raise RefusedError(msg)
        self.held.append(target)

    def keep(self, number: int) -> None:
        """Put the last value into the memo."""
        if not 0 <= number <= len(self.memo) + 1:  # one more, as the first of old pickles has number 1
            msg = f"it numbers a value {shown(number)}"
            raise RefusedError(msg)
        self.memo[number] = self.popped(1)[0]
        self.held.append(self.memo[number])

    def fetch(self, number: int) -> None:
        """Push a value of the memo."""
        if number not in self.memo:
            msg = f"it names a value {shown(number)}, which it has not numbered"
            raise RefusedError(msg)
        if not self.memo[number].may_recur:
            msg = "it holds a list, set, dict or nested tuple in two places"
            raise RefusedError(msg)
        self.held.append(self.memo[number])


def _nothing(stack: _Stack, argument: Any) -> None:
    """Follow an instruction that changes no value."""


def _tuple_of(number: int) -> Callable[[_Stack, Any], None]:
    return lambda stack, _: stack.held.append(_container(stack.popped(number), is_tuple=True))


def _enter_marked(stack: _Stack, _: Any) -> None:
    parts = stack.since_mark()
    stack.enter(parts[::2], parts)


def _add_marked(stack: _Stack, _: Any) -> None:
    parts = stack.since_mark()
    stack.enter(parts, parts)


def _enter_one(stack: _Stack, _: Any) -> None:
    parts = stack.popped(2)
    stack.enter(parts[:1], parts)


def _dict_of_marked(stack: _Stack, _: Any) -> None:
    parts = stack.since_mark()
    stack.held.append(_EMPTY)
    stack.enter(parts[::2], parts)


# What each instruction that data may need does to the stack.
_FOLLOWED: dict[str, Callable[[_Stack, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _nothing),
    **dict.fromkeys(("NONE", "NEWTRUE", "NEWFALSE", "FLOAT", "BINFLOAT"), _Stack.push),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _Stack.push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _Stack.push),
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _Stack.push),
    **dict.fromkeys(("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"), _Stack.push),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"), lambda stack, _: stack.held.append(_EMPTY)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Stack.keep),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Stack.fetch),
    "MARK": lambda stack, _: stack.marks.append(len(stack.held)),
    "LIST": lambda stack, _: stack.held.append(_container(stack.since_mark(), is_tuple=False)),
    "APPEND": lambda stack, _: stack.extend(stack.popped(1)),
    "APPENDS": lambda stack, _: stack.extend(stack.since_mark()),
    "DICT": _dict_of_marked,
    "SETITEM": _enter_one,
    "SETITEMS": _enter_marked,
    "ADDITEMS": _add_marked,
    "EMPTY_TUPLE": lambda stack, _: stack.held.append(_EMPTY_TUPLE),
    "TUPLE": lambda stack, _: stack.held.append(_container(stack.since_mark(), is_tuple=True)),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "MEMOIZE": lambda stack, _: stack.keep(len(stack.memo)),
    "GLOBAL": lambda stack, _: stack.held.append(_NAMED),
    "STACK_GLOBAL": lambda stack, _: stack.name(),
    "REDUCE": lambda stack, _: stack.call(),
    "BUILD": lambda stack, _: stack.give_state(),
}


def look_through(content: bytes, allowance: Allowance) -> None:
    """Follow the instructions of a pickle to its end; RefusedError at what data does not need."""
    stack, end = _Stack(allowance), 0
    for instruction, argument, position in pickletools.genops(content):
        follow = _FOLLOWED.get(instruction.name)
        if follow is None:
            msg = f"it holds the instruction {instruction.name}"
            raise RefusedError(msg)
        allowance.n_instructions -= 1
        if allowance.n_instructions < 0:
            msg = f"it takes more than {_MOST_INSTRUCTIONS} instructions"
            raise RefusedError(msg)
        follow(stack, argument)
        end = (position or 0) + 1
    if end != len(content):
        msg = f"it goes on after its end at byte {end}"
        raise RefusedError(msg)
