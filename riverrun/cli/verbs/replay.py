"""`riverrun replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from riverrun.cli.options import Model
from riverrun.cli.session import OutputForm, Session, fail, verb

if TYPE_CHECKING:
    from riverrun.cli.replay.columns import Columns
    from riverrun.cli.replay.pace import Pace
    from riverrun.cli.replay.source import Source

SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A CSV, NDJSON or Parquet file, or a data set: phishing, bananas, trump-approval, "
        "image-segments, chick-weights, flights.",
        show_default=False,
    ),
]
LabelColumn = Annotated[str, typer.Option("--label", help="Column of the label.", show_default=False)]
TimeColumn = Annotated[
    str,
    typer.Option("--time", help="Column of a row's time; rows are in its order.", show_default=False),
]
LabelTime = Annotated[
    str, typer.Option("--label-time", help="Column of when the label is known.", show_default=False)
]
Delay = Annotated[
    str,
    typer.Option("--delay", help="How long after its row a label is known, such as 2h.", show_default=False),
]
IdColumn = Annotated[
    str,
    typer.Option(
        "--id", help="Column of an id: a label that is sent again under it counts once.", show_default=False
    ),
]
Rate = Annotated[str, typer.Option(help="Rows a second, such as 100/s.", show_default=False)]
SpeedUp = Annotated[
    str,
    typer.Option(help="Keep the rows' own time, this many times faster, such as 1000x.", show_default=False),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first rows.", show_default=False)]
FeatureColumns = Annotated[
    str,
    typer.Option(
        "--features", help="Columns of the features, by commas; else those of the spec.", show_default=False
    ),
]
Batch = Annotated[
    int,
    typer.Option(
        min=1,
        max=1000,
        help="Rows predicted in one request at most; a label waits at most for so many rows.",
    ),
]


@verb()
async def replay(
    session: Session,
    model: Model,
    source: SourceName,
    label: LabelColumn = "",
    time: TimeColumn = "",
    label_time: LabelTime = "",
    delay: Delay = "",
    id: IdColumn = "",
    rate: Rate = "",
    speed_up: SpeedUp = "",
    limit: Limit = None,
    features: FeatureColumns = "",
    batch: Batch = 32,
) -> None:
    """Stream a data set through a model: predict each row first, send its label when it would be known.

    As fast as it goes, or at --rate, or in the rows' own time with --speed-up. Without --label-time and
    --delay a label is known as soon as its row was predicted. Scores what serving answered. Ends with
    exit status 1 when labels were rejected.

    JSON: {model, source, rows, labelled, unlabelled, accepted, duplicates, rejected, rejections: [error],
    metrics: {name: value}, recent: {name: value}, first_version, last_version, seconds, rows_per_second,
    behind_s, did, undo}; recent is over the last 1000 labelled rows.
    """
    from riverrun.cli.replay.plan import Given, plan
    from riverrun.cli.replay.report import summary
    from riverrun.cli.replay.source import open_source

    opened = open_source(source)
    given = Given(label, time, label_time, id, features, delay, rate, speed_up)
    columns, pace = plan(given, opened.dataset)
    document = await _replayed(session, model, opened, columns, pace, limit, batch)
    session.answer(document, *summary(document))
    if document["rejected"]:
        fail(f"{document['rejected']} labels were rejected, the first: {document['rejections'][0]}")


async def _replayed(
    session: Session,
    model: str,
    source: Source,
    columns: Columns,
    pace: Pace,
    limit: int | None,
    batch: int,
) -> dict[str, Any]:
    import itertools

    from riverrun.cli.replay.columns import typed_rows
    from riverrun.cli.replay.report import Display, document
    from riverrun.cli.replay.run import Progress, Replay
    from riverrun.cli.replay.scoreboard import Scoreboard
    from riverrun.core.spec import parse_spec

    spec = parse_spec((await session.client.model(model)).spec_yaml)
    progress = Progress(Scoreboard(spec.task))
    rows = typed_rows(itertools.islice(source.rows(), limit), columns, spec)
    with Display(quiet=session.output is OutputForm.JSON, total=limit) as display:
        run = Replay(
            session.client,
            model,
            progress,
            pace=pace,
            batch=batch,
            with_time=columns.time is not None,
            on_progress=display.update,
        )
        await run.run(rows)
    return document(model, source.name, progress)
