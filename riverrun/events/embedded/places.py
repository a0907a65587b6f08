"""Places: a stream and an offset in one number, by which the tables hold events and their ids.

Events of a stream lie side by side in the order of their offsets, so that appending, reading and trimming
all work at one spot of one tree.
"""

from __future__ import annotations

OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1


def place_of(stream_id: int, offset: int) -> int:
    """Where the event at `offset` of a stream is."""
    return (stream_id << OFFSET_BITS) | offset
