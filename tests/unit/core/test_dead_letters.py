"""What a dead letter holds."""

import base64

import msgspec
import pytest

from riverrun.core.dead_letters import DeadLetter, letter_of, read_letter
from riverrun.core.errors import InvalidInput
from riverrun.core.events import LoggedEvent, NewEvent, Stream


def test_a_letter_says_why_and_where_and_keeps_the_body():
    event = LoggedEvent(7, "id-7", time_ns=5, received_ns=6, body=b'{"label": 3}')

    found = letter_of(Stream.EXAMPLES, event, "label: expected true or false")

    assert found.event_id == "dlq:examples:7"
    assert found.time_ns == 5
    assert msgspec.json.decode(found.body) == {
        "reason": "label: expected true or false",
        "stream": "examples",
        "offset": 7,
        "event_id": "id-7",
        "received_ns": 6,
        "body": '{"label": 3}',
    }


def test_a_body_that_is_no_text_is_kept_as_base64():
    found = letter_of(Stream.EXAMPLES, LoggedEvent(0, "", 0, 0, b"\xff\x00"), "not JSON")

    assert base64.b64decode(msgspec.json.decode(found.body)["body_base64"]) == b"\xff\x00"


def test_a_letter_always_fits_into_the_log():
    event = LoggedEvent(0, "", 0, 0, b"\x01" * (1 << 20))

    found = letter_of(Stream.EXAMPLES, event, "not JSON")

    assert len(found.body) < 1 << 20
    facts = msgspec.json.decode(found.body)
    assert facts["cut_from_bytes"] == 1 << 20
    assert event.body.startswith(base64.b64decode(facts["body_base64"]))


@pytest.mark.parametrize("body", [b'{"label": 3}', b"\xff\x00", b""])
def test_a_letter_is_read_as_it_was_written(body):
    event = LoggedEvent(7, "id-7", time_ns=5, received_ns=6, body=body)
    written = letter_of(Stream.LABELS, event, "label: expected true or false")

    found = read_letter(LoggedEvent(0, written.event_id, written.time_ns, 9, written.body))

    assert found == DeadLetter(
        id="dlq:labels:7",
        reason="label: expected true or false",
        stream=Stream.LABELS,
        offset=7,
        event_id="id-7",
        received_ns=6,
        time_ns=5,
        body=body,
    )
    assert found.why_not_again == ""
    assert found.again() == NewEvent("replay:dlq:labels:7", body, 5)


def test_a_note_says_which_letter_was_replayed():
    written = letter_of(Stream.EXAMPLES, LoggedEvent(7, "", 5, 6, b"{}"), "no")
    note = read_letter(LoggedEvent(0, written.event_id, 5, 9, written.body)).replayed()

    assert read_letter(LoggedEvent(1, note.event_id, 0, 9, note.body)) == "dlq:examples:7"


def test_an_event_that_was_cut_is_not_given_back():
    written = letter_of(Stream.EXAMPLES, LoggedEvent(0, "", 5, 6, b"\x01" * (1 << 20)), "not JSON")

    found = read_letter(LoggedEvent(0, written.event_id, 5, 9, written.body))

    assert found.why_not_again == f"only the beginning of its {1 << 20} bytes is kept"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{}", b"[]", b'{"body_base64": "%"}', b'{"stream": "x"}', b"\xff"]
)
def test_what_is_no_letter_is_refused(body):
    with pytest.raises(InvalidInput, match="dead letter"):
        read_letter(LoggedEvent(0, "x", 0, 0, body))
