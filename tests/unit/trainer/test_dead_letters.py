"""What a dead letter holds."""

import base64

import msgspec
from riverrun_trainer.dead_letters import letter

from riverrun.core.events import LoggedEvent, Stream


def test_a_letter_says_why_and_where_and_keeps_the_body():
    event = LoggedEvent(7, "id-7", time_ns=5, received_ns=6, body=b'{"label": 3}')

    found = letter(Stream.EXAMPLES, event, "label: expected true or false")

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
    found = letter(Stream.EXAMPLES, LoggedEvent(0, "", 0, 0, b"\xff\x00"), "not JSON")

    assert base64.b64decode(msgspec.json.decode(found.body)["body_base64"]) == b"\xff\x00"


def test_a_letter_always_fits_into_the_log():
    event = LoggedEvent(0, "", 0, 0, b"\x01" * (1 << 20))

    found = letter(Stream.EXAMPLES, event, "not JSON")

    assert len(found.body) < 1 << 20
    facts = msgspec.json.decode(found.body)
    assert facts["cut_from_bytes"] == 1 << 20
    assert event.body.startswith(base64.b64decode(facts["body_base64"]))
