"""Which labels a finding of the gate is about."""

from riverrun_trainer.judging.gate_evidence import REMEMBERED, GateEvidence

from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample
from riverrun.evaluation.gate.windows import Finding, Kind


def seen(count: int) -> GateEvidence:
    evidence = GateEvidence()
    for n in range(count):
        event = LoggedEvent(n, f"e{n}", n, n, b"")
        evidence.see(JoinedExample(Example({}, True), event, Stream.LABELS, 10 * n))
    return evidence


def place(offset: int) -> dict[str, object]:
    return {"stream": "labels", "offset": offset, "time_ns": 10 * offset}


def test_the_labels_of_a_finding_begin_with_the_example_that_it_began_with():
    found = Finding(Kind.REFUSED, 9, 7, 0.1234567, 3, 4, 5)

    facts = seen(9).facts(found)

    assert facts == {
        "excess_loss": 0.123457,
        "compared": 3,
        "pairs": 5,
        "agreeing": 4,
        "examples": 3,
        "first": place(6),
        "last": place(8),
    }


def test_of_labels_that_are_not_remembered_any_more_the_oldest_that_is_comes_first():
    labels = seen(REMEMBERED + 10).labels(1)

    assert labels == {"examples": REMEMBERED, "first": place(10), "last": place(REMEMBERED + 9)}


def test_without_labels_there_are_none_to_tell_of():
    assert seen(0).labels(1) == {}
