"""`riverrun predict` and `feedback`: over REST, as any caller does."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from riverrun.cli.options import Model, parse_time
from riverrun.cli.session import Session, fail, verb

_COLUMNS = ("id", "prediction", "probabilities")
_ROWS = "JSON, @FILE, or - for standard input: one object, a list of objects, or an object a line."
Features = Annotated[str, typer.Option(help=f"Features by name. {_ROWS}")]
SomeFeatures = Annotated[
    str, typer.Option("--features", help="Features by name, as JSON or @FILE.", show_default=False)
]
Id = Annotated[str, typer.Option(help="The prediction's id; one is made up otherwise.", show_default=False)]
GivenId = Annotated[str, typer.Option("--id", help="Id of the prediction it is about.", show_default=False)]
Key = Annotated[str, typer.Option(help="What decides the arm of an experiment.", show_default=False)]
Time = Annotated[str, typer.Option(help="When it happened, RFC 3339; else now.", show_default=False)]
Durable = Annotated[
    bool, typer.Option("--durable", help="Answer once the prediction is on disk, for its label to come.")
]
Label = Annotated[
    str,
    typer.Option(
        help="What happened: true, false, a number, or a class (in JSON quotes where it looks like one).",
        show_default=False,
    ),
]
Weight = Annotated[float | None, typer.Option(min=0, help="The example's importance.", show_default=False)]
EventId = Annotated[str, typer.Option(help="The same event id counts once.", show_default=False)]
Entries = Annotated[
    str,
    typer.Option(
        "--entries",
        help="Many at once: @FILE or -, an object a line with label, features, id, time, weight, event_id.",
        show_default=False,
    ),
]


@verb()
async def predict(
    session: Session,
    model: Model,
    features: Features = "-",
    id: Id = "",
    key: Key = "",
    time: Time = "",
    durable: Durable = False,
) -> None:
    """Ask for predictions, of one row or of many by one version.

    JSON: for one row {id, prediction, model_version, channel, age_seconds, probabilities, arm}, for many
    {ids, predictions: [{prediction, probabilities}], model_version, channel, age_seconds, arm}.
    """
    from riverrun.cli.row_input import read_rows
    from riverrun.cli.tables import table

    rows = read_rows(features, "--features")
    happened = parse_time(time, "--time") if time else None
    names: dict[str, Any] = {"id": id or None, "key": key or None, "time": happened, "durable": durable}
    if isinstance(rows, dict):
        one = await session.client.predict(model, rows, **names)
        shown = [(one.id, one.prediction, _shares(one.probabilities))]
        session.answer(one, table(_COLUMNS, shown), _source(model, one.model_version, one.age_seconds))
        return
    many = await session.client.predict_many(model, rows, **names)
    shown = [
        (row_id, row.prediction, _shares(row.probabilities))
        for row_id, row in zip(many.ids, many.predictions, strict=True)
    ]
    session.answer(many, table(_COLUMNS, shown), _source(model, many.model_version, many.age_seconds))


@verb()
async def feedback(
    session: Session,
    model: Model,
    label: Label = "",
    features: SomeFeatures = "",
    id: GivenId = "",
    time: Time = "",
    weight: Weight = None,
    event_id: EventId = "",
    entries: Entries = "",
) -> None:
    """Tell what happened, by the prediction's id or with features; says so once it is durable.

    Tries again while the event log is away.

    Exit status 1 when an entry is rejected; the others count all the same.

    JSON: {accepted, duplicates, rejected: [{index, error}], did, undo}.
    """
    from riverrun.cli.row_input import parse_label, read_rows

    if bool(entries) == bool(label):
        raise typer.BadParameter("give either --label, or --entries for many", param_hint="--label")
    if entries:
        read = read_rows(entries, "--entries")
        sent = [read] if isinstance(read, dict) else read
    else:
        given = {
            "label": parse_label(label),
            "features": read_rows(features, "--features") if features else None,
            "id": id or None,
            "time": parse_time(time, "--time").isoformat() if time else None,
            "weight": weight,
            "event_id": event_id or None,
        }
        sent = [{key: value for key, value in given.items() if value is not None}]
    answer = await session.client.feedback_many(model, sent)
    did = f"{answer.accepted} of {len(sent)} are durable"
    did += f", {answer.duplicates} of them were before" if answer.duplicates else ""
    # What was learned cannot be taken out alone; what can be is all since a version.
    undo = f"riverrun reset {model} --to VERSION --skip" if answer.accepted else ""
    document = {
        "accepted": answer.accepted,
        "duplicates": answer.duplicates,
        "rejected": answer.rejected,
        "did": did,
        "undo": undo,
    }
    session.answer(document, did, *([f"undo: {undo}"] if undo else []))
    if answer.rejected:
        first = answer.rejected[0]
        more = f" ({len(answer.rejected) - 1} more)" if len(answer.rejected) > 1 else ""
        fail(f"entry {first.index}: {first.error}{more}")


def _source(model: str, version: int, age_s: float) -> str:
    return f"by version {version} of {model}, confirmed the newest {age_s:.1f} s ago"


def _shares(probabilities: object) -> str:
    if not isinstance(probabilities, dict):
        return ""
    best = sorted(probabilities.items(), key=lambda item: -item[1])[:5]
    return "  ".join(f"{name} {share:.4f}" for name, share in best)
