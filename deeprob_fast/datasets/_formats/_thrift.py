"""Structures of Thrift in the compact protocol, as Parquet has them: fields by number, integers in groups of seven bits."""

from collections.abc import Iterator

_DEEPEST = 16

# Kinds of values, those of several bytes.
_TRUE, _FALSE, _BYTE, _SHORT, _INTEGER, _LONG, _DOUBLE, _BINARY, LIST, _SET, _MAP, STRUCTURE = range(1, 13)
INTEGERS = (_SHORT, _INTEGER, _LONG)


class Reader:
    """Goes through structures; IndexError where the bytes end, ValueError where they are none."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.place = 0

    def _byte(self) -> int:
        self.place += 1
        return self._text[self.place - 1]

    def _unsigned(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                return number

    def integer(self) -> int:
        """Return a whole number."""
        number = self._unsigned()
        return number >> 1 ^ -(number & 1)

    def binary(self) -> bytes:
        """Return bytes."""
        length = self._unsigned()
        self.place += length
        return self._text[self.place - length : self.place]

    def items(self) -> Iterator[int]:
        """Yield the kind of each item of a list; it must be read or skipped before the next."""
        start = self._byte()
        length = start >> 4 if start >> 4 != 15 else self._unsigned()
        for _ in range(length):
            yield start & 15

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield number and kind of each field of a structure; it must be read or skipped before the next."""
        number = 0
        while start := self._byte():
            number = number + (start >> 4) if start >> 4 else self.integer()
            yield number, start & 15

    def skip(self, kind: int, depth: int = 0, *, is_item: bool = False) -> None:
        """Pass over a value."""
        if kind in (_TRUE, _FALSE):  # which a field's kind tells already
            self.place += is_item
        elif kind == _BYTE:
            self.place += 1
        elif kind in INTEGERS:
            self._unsigned()
        elif kind == _DOUBLE:
            self.place += 8
        elif kind == _BINARY:
            self.binary()
        elif kind in (LIST, _SET) and depth < _DEEPEST:
            for inner in self.items():
                self.skip(inner, depth + 1, is_item=True)
                self._must_not_be_past_the_end()
        elif kind == STRUCTURE and depth < _DEEPEST:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            msg = f"it has a field of kind {kind} at depth {depth}"
            raise ValueError(msg)

    def _must_not_be_past_the_end(self) -> None:
        if self.place > len(self._text):
            raise IndexError

    def integers(self, names: dict[int, str], structures: dict[int, dict[int, str]] | None = None) -> dict[str, int]:
        """Return the whole numbers of a structure, and of structures in it, by the names that are wanted for their fields."""
        values = {}
        for number, kind in self.fields():
            if number in names and kind in INTEGERS:
                values[names[number]] = self.integer()
            elif structures and number in structures and kind == STRUCTURE:
                values |= self.integers(structures[number])
            else:
                self.skip(kind)
        return values
