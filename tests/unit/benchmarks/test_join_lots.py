"""In which order the benchmark of the join appends; nothing is measured here."""

from __future__ import annotations

from itertools import islice

from benchmarks import join, workload
from riverrun.core.events import LoggedEvent, Stream
from riverrun.core.joining_json import decode_label, decode_prediction
from riverrun.core.spec import parse_spec


def test_every_prediction_gets_its_label_as_many_lots_later_as_the_figure_says() -> None:
    rows = list(islice(workload.endless(), (join.LABELS_LATER + 3) * join.LOT - 1))

    lots = list(join.in_turn(rows))

    sent = [index for index, (stream, _) in enumerate(lots) if stream is Stream.PREDICTIONS]
    came = [index for index, (stream, _) in enumerate(lots) if stream is Stream.LABELS]
    assert len(sent) == len(came) == join.LABELS_LATER + 3
    assert lots[: join.LABELS_LATER] == list(islice(join.predictions(rows), join.LABELS_LATER))
    # From then on they take turns: each label comes right after the prediction that many lots later.
    assert came[:3] == [index + 1 for index in sent[join.LABELS_LATER :]]


def test_bodies_are_what_the_trainer_reads() -> None:
    [row] = islice(workload.endless(), 1)
    [(_, [prediction])] = join.predictions([row])
    [(_, [label])] = join.labels([row])
    spec = parse_spec(workload.spec(join.PUBLISH) + join.WINDOW)

    served = decode_prediction(LoggedEvent(0, prediction.event_id, 1, 1, prediction.body))
    came = decode_label(LoggedEvent(0, label.event_id, 1, 1, label.body), spec)

    assert (served.features, served.answer) == (row[0], join.ANSWER)
    assert (came.prediction_id, came.label) == (served.id, row[1])
