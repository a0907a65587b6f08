"""What a line remembers of sessions that ended without a goodbye."""

from riverrun_param_server import suspicion
from riverrun_param_server.records import LineRecord, ModelRecord, decode_record, encode_record

from riverrun.core.events import OffsetRange, Stream, Suspect

LINE = LineRecord(number=1, spec_sha=b"", spec_digest=b"")


def events(start: int, end: int | None = None) -> OffsetRange:
    return OffsetRange(Stream.EXAMPLES, 0, start, start + 1 if end is None else end)


def died_at(line: LineRecord, *ranges: OffsetRange) -> LineRecord:
    """The line after a session that attempted `ranges` in turn and said no goodbye."""
    line, _ = suspicion.opened(line, survived=False)
    for range_ in ranges:
        line = suspicion.attempting(line, range_)
    return line


def opened(line: LineRecord, *, survived: bool = False) -> tuple[LineRecord, bool]:
    return suspicion.opened(line, survived=survived)


def test_the_first_session_and_one_after_a_goodbye_follow_a_clean_end():
    first, unclean = opened(LINE)
    _, after_goodbye = opened(suspicion.ended_well(first))

    assert not unclean
    assert not after_goodbye


def test_a_session_without_a_goodbye_ended_uncleanly_unless_its_trainer_is_back():
    first, _ = opened(LINE)

    assert opened(first)[1]
    assert not opened(first, survived=True)[1]


def test_deaths_are_counted_by_what_was_attempted_last():
    line = died_at(LINE, events(1), events(2))
    line = died_at(line, events(2))
    line, _ = opened(line)

    assert line.suspects == (Suspect(events(2), 2),)


def test_what_was_survived_once_is_suspected_no_more():
    line = died_at(died_at(LINE, events(2)), events(2), events(3))

    line, _ = opened(line)

    assert line.suspects == (Suspect(events(3), 1),)


def test_a_link_that_broke_accuses_nobody():
    line, _ = opened(died_at(LINE, events(2)), survived=True)

    assert (line.suspects, line.attempt) == ((), None)


def test_a_version_clears_what_it_contains():
    line = died_at(died_at(LINE, events(0, 64)), events(10))
    line, _ = opened(line)

    after_ten = suspicion.contained(line, {Stream.EXAMPLES: {0: 11}})
    after_all = suspicion.contained(line, {Stream.EXAMPLES: {0: 64}})

    assert after_ten.suspects == (Suspect(events(0, 64), 1),)
    assert after_all.suspects == ()


def test_suspects_survive_the_store():
    line, _ = opened(died_at(LINE, events(5)))
    record = ModelRecord(1, "m", b"", 1, 0, lines=(line,))

    assert decode_record(encode_record(record)[0]) == record
