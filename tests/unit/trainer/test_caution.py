"""Which events are named before they are learned, and which are not learned again."""

import pytest
from riverrun_trainer.caution import LOT, REASON, SINGLES, Caution

from riverrun.core.events import OffsetRange, Stream, Suspect


def suspect(start: int, end: int, deaths: int = 1, stream: Stream = Stream.EXAMPLES) -> Suspect:
    return Suspect(OffsetRange(stream, 0, start, end), deaths)


def caution(*suspects: Suspect, start: int = 0, end: int = 10_000, unclean_end: bool = True) -> Caution:
    return Caution(Stream.EXAMPLES, start, end, unclean_end=unclean_end, suspects=suspects)


def lots(of: Caution, offset: int) -> list[tuple[int, int]]:
    """What is named from `offset` on, until nothing is any more."""
    found = []
    while (lot := of.lot((Stream.EXAMPLES, offset))) is not None:
        found.append((lot.start, lot.end))
        offset = lot.end
    return found


def test_after_a_clean_end_nothing_is_named():
    assert caution(unclean_end=False).lot((Stream.EXAMPLES, 0)) is None


def test_after_an_unclean_end_every_event_of_that_time_is_named_once():
    named = lots(caution(start=100, end=1_000), 100)

    assert named[:SINGLES] == [(n, n + 1) for n in range(100, 100 + SINGLES)]
    assert {end - start for start, end in named[SINGLES:-1]} == {LOT}
    assert [start for start, _ in named[1:]] == [end for _, end in named[:-1]]
    assert named[-1][1] == 1_000


def test_a_lot_that_was_not_survived_is_learned_event_by_event():
    named = lots(caution(suspect(1_000, 1_064)), 900)

    assert named[:2] == [(900, 964), (964, 1_000)]
    assert named[2:66] == [(n, n + 1) for n in range(1_000, 1_064)]
    assert named[66] == (1_064, 1_064 + LOT)


@pytest.mark.parametrize(
    ("suspects", "poisoned"),
    [
        ([], []),
        ([suspect(5, 6)], []),
        ([suspect(5, 6, deaths=2)], [5]),
        ([suspect(1_000, 1_064)], []),
        ([suspect(1_000, 1_064), suspect(1_010, 1_011)], [1_010]),
        ([suspect(1_000, 1_064), suspect(2_000, 2_001)], []),
        ([suspect(5, 6, deaths=2, stream=Stream.LABELS)], []),
    ],
)
def test_an_event_is_poisoned_once_two_deaths_name_it(suspects, poisoned):
    assert caution(*suspects).poisoned == {(Stream.EXAMPLES, offset): REASON for offset in poisoned}


def test_suspects_are_named_even_after_a_clean_end_and_no_further():
    assert lots(caution(suspect(3, 4), unclean_end=False), 0) == [(0, 1), (1, 2), (2, 3), (3, 4)]


@pytest.mark.parametrize("pill", [0, 1, SINGLES - 1, SINGLES, SINGLES + 1, 4_999])
@pytest.mark.parametrize("reached", ["first", "last"])
def test_an_event_is_never_tried_more_than_three_times(pill, reached):
    """Trainers die at `pill`: the first without a word, the others as `Caution` has them go on."""
    suspects: dict[OffsetRange, int] = {}
    tries, start, unclean_end = 0, 0, False
    while True:
        of = caution(
            *(Suspect(range_, deaths) for range_, deaths in suspects.items()),
            start=start,
            end=5_000,
            unclean_end=unclean_end,
        )
        if (Stream.EXAMPLES, pill) in of.poisoned:
            break
        offset, lot = start, of.lot((Stream.EXAMPLES, start))
        while lot is not None and lot.end <= pill:
            offset, lot = lot.end, of.lot((Stream.EXAMPLES, lot.end))
        tries += 1
        unclean_end = True
        if lot is not None:
            suspects[lot] = suspects.get(lot, 0) + 1
        if reached == "last":
            # All before the lot was published; else nothing ever is.
            start = offset

    assert tries == 3
