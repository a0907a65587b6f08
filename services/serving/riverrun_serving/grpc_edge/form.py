"""Messages that differ in a few places only: read and written as bytes, without an object for each part."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from struct import Struct


class Form:
    """What messages of one size share, and the gaps in it that each fills in its own way.

    In protobuf the length of every part stands before it, so what lies between gaps says how all of the
    message is read: bytes that agree with it in every place outside the gaps are the same message but for
    what is in the gaps.
    """

    def __init__(self, one: bytes, other: bytes) -> None:
        """From two messages that differ in every byte of the gaps, and nowhere else."""
        if len(one) != len(other):
            raise ValueError("the two messages are not of one size")
        runs = [
            (differ, len(list(run)))
            for differ, run in itertools.groupby(a != b for a, b in zip(one, other, strict=True))
        ]
        # A message begins with a tag, so what is shared comes first; pieces and gaps take turns.
        self.gaps = tuple(size for differ, size in runs if differ)
        self._unpack = Struct("".join(f"{size}s" for _, size in runs)).unpack
        self._pieces: list[bytes] = list(self._unpack(one))
        self._shared = tuple(self._pieces[0::2])

    def read(self, message: bytes) -> Sequence[bytes] | None:
        """What fills the gaps of `message`, which is of the form's size; None where it is of another form."""
        pieces = self._unpack(message)
        return pieces[1::2] if pieces[0::2] == self._shared else None

    def fill(self, gaps: Sequence[bytes]) -> bytes:
        """The message with these in its gaps, each of its gap's size."""
        pieces = self._pieces.copy()
        pieces[1::2] = gaps
        return b"".join(pieces)
