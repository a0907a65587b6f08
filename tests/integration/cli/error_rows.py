"""Wrong input to every verb of the command, for docs/errors.md; the shape is tests/integration/errors'."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from riverrun.cli.main import app
from tests.integration.errors.table import Row, Section
from tests.integration.serving.serving_stack import FRAUD, HOUSES, Served, Stack

WORDS = (
    "A misspelt command answers with exit status 2, anything else that is wrong with 1, each with one line "
    "on stderr and no traceback; with `--output json` too. The models are those of the REST section."
)

NOWHERE = "127.0.0.1:1"

# (arguments, what is wrong); the addresses are added where a verb takes them.
WRONG: list[tuple[list[str], str]] = [
    (["nothing"], "an unknown verb"),
    (["models", "--output", "xml"], "an unknown form"),
    (["models", "--server", "here"], "an address without a port"),
    (["models", "--server", NOWHERE], "a server that is away"),
    (["versions"], "no model"),
    (["versions", "nobody"], "an unknown model"),
    (["versions", "fraud", "--limit", "0"], "a limit of 0"),
    (["readers", "--server", NOWHERE], "a server that is away"),
    (["status", "--server", NOWHERE], "a server that is away"),
    (["status", "--every", "0"], "no time between two looks"),
    (["apply"], "no file"),
    (["apply", "-f", "gone.yaml"], "a file that is not there"),
    (["apply", "-f", "bytes.yaml"], "a file that is no UTF-8"),
    (["apply", "-f", "wrong.yaml"], "an unknown key in the spec"),
    (["delete", "nobody"], "an unknown model"),
    (["promote", "nobody"], "an unknown model"),
    (["promote", "fraud"], "no candidate"),
    (["promote", "fraud", "--line", "9"], "an unknown line"),
    (["promote", "fraud", "--version", "99"], "an unknown version"),
    (["promote", "fraud", "--version", "1", "--line", "1"], "a line and a version"),
    (["rollback", "fraud"], "no version that was marked good"),
    (["rollback", "fraud", "--to", "99"], "an unknown version"),
    (["rollback", "fraud", "--to", "zero"], "a version that is no number"),
    (["rollback", "fraud", "--before", "yesterday"], "a time that is none"),
    (["rollback", "fraud", "--before", "2001-01-01T00:00:00Z"], "a time before any version"),
    (["rollback", "fraud", "--to", "1", "--before", "2030-01-01T00:00:00Z"], "a version and a time"),
    (["rollback", "fraud", "--to", "1", "--reset", "forget"], "an unknown way to reset"),
    (["reset", "fraud", "--to", "1"], "neither skip nor replay"),
    (["reset", "fraud", "--to", "99", "--skip"], "an unknown version"),
    (["pin", "fraud", "0"], "version 0"),
    (["pin", "fraud", "99"], "an unknown version"),
    (["pin", "fraud", "1", "--channel", "No Name"], "a channel that cannot be named so"),
    (["pause", "nobody"], "an unknown model"),
    (["pause", "fraud", "--channel", "nobody"], "an unknown channel"),
    (["resume", "nobody"], "an unknown model"),
    (["predict", "fraud", "--features", "hello"], "features that are no JSON"),
    (["predict", "fraud", "--features", "[1]"], "features that are no object"),
    (["predict", "fraud", "--features", '{"amount": "x"}'], "a mistyped feature"),
    (["predict", "fraud", "--features", '{"amount": 1e999}'], "a number that is none"),
    (["predict", "fraud", "--features", "@gone.json"], "a file that is not there"),
    (["predict", "nobody", "--features", "{}"], "an unknown model"),
    (["predict", "no/body", "--features", "{}"], "a name that is no model's"),
    (["predict", "houses", "--features", "{}"], "a model that was never trained"),
    (["predict", "fraud", "--features", "{}", "--serving", NOWHERE], "serving that is away"),
    (["predict", "fraud", "--features", "{}", "--serving", "ftp://x"], "a URL that is none"),
    (["feedback", "fraud"], "neither a label nor entries"),
    (["feedback", "fraud", "--label", "[1]"], "a label that is a list"),
    (["feedback", "fraud", "--label", "maybe", "--features", "{}"], "a label of another type"),
    (["feedback", "fraud", "--label", "1", "--features", '{"amount": -1}'], "a feature below its minimum"),
    (["feedback", "fraud", "--label", "1", "--features", "{}", "--time", "now"], "a time that is none"),
    (["feedback", "fraud", "--label", "1", "--features", "{}", "--weight", "-1"], "a negative weight"),
    (["feedback", "fraud", "--entries", '{"features": {}}'], "an entry without a label"),
    (["replay", "fraud", "nothing.csv"], "no such file and no such data set"),
    (["replay", "fraud", "rows.csv"], "no label column"),
    (["replay", "fraud", "rows.csv", "--label", "z"], "a column that is not there"),
    (["replay", "fraud", "rows.csv", "--label", "y"], "a cell that is no number"),
    (["replay", "fraud", "rows.xls", "--label", "y"], "a file of another kind"),
    (["replay", "fraud", "ragged.csv", "--label", "y"], "a row with too few cells"),
    (["replay", "fraud", "rows.csv", "--label", "y", "--delay", "2h"], "a delay without a time"),
    (["replay", "fraud", "rows.csv", "--label", "y", "--rate", "fast"], "a rate that is none"),
    (["replay", "fraud", "rows.csv", "--label", "y", "--rate", "1", "--speed-up", "2"], "two paces"),
    (["replay", "nobody", "phishing"], "an unknown model"),
    (["policy", "show", "nobody"], "an unknown model"),
    (["policy", "set", "fraud", "publish.every"], "a key without a value"),
    (["policy", "set", "fraud", "model=x"], "a key that is no policy"),
    (["policy", "set", "fraud", "publish.every=soon"], "a value that is wrong"),
    (["policy", "set", "fraud", "publish.colour=1"], "an unknown key"),
    (["policy", "set", "fraud", "sync.mode=interval"], "half of two that go together"),
    (["spec", "check"], "no file"),
    (["spec", "check", "gone.yaml"], "a file that is not there"),
    (["spec", "check", "wrong.yaml"], "an unknown key"),
    (["spec", "check", "broken.yaml"], "a file that is no YAML"),
    (["up", "--replicas", "0"], "no replicas"),
    (["up", "--rest-port", "70000"], "a port that is none"),
    (["up", "-f", "wrong.yaml"], "a spec that is wrong"),
    (["up", "-f", "right.yaml", "-f", "again.yaml"], "two specs of one model"),
]

FILES = {
    "bytes.yaml": b"\xff\xfe",
    "wrong.yaml": FRAUD.encode() + b"colour: red\n",
    "broken.yaml": b"name: [fraud\n",
    "right.yaml": FRAUD.encode(),
    "again.yaml": FRAUD.encode(),
    "rows.csv": b"amount,hour,y\n1,2,1\nx,2,0\n",
    "rows.xls": b"",
    "ragged.csv": b"amount,hour,y\n1,2\n",
}


async def section(stack: Stack) -> Section:
    """What the command answers to each of these."""
    for name, content in FILES.items():
        (stack.folder / name).write_bytes(content)
    fraud = await stack.trainer(FRAUD)
    await fraud.push()
    await stack.client.register_model(HOUSES)
    served = await stack.serving()
    await served.reaches("fraud", 1)
    # In a thread: the command brings an event loop of its own, and the servers run in this one.
    rows = await asyncio.to_thread(lambda: list(_rows(stack, served)))
    return Section("The command", WORDS, rows)


def _rows(stack: Stack, served: Served) -> Iterator[Row]:
    runner = CliRunner(env={"RIVERRUN_SERVER": stack.address, "RIVERRUN_SERVING": str(served.http.base_url)})
    for arguments, wrong in WRONG:
        result = runner.invoke(app, [_placed(argument, stack.folder) for argument in arguments])
        shown = " ".join(["riverrun", *arguments])
        yield Row(shown, wrong, f"{result.exit_code}: {_last_line(result.stderr)}")


def _placed(argument: str, folder: Path) -> str:
    """`argument` with its file in `folder`."""
    return re.sub(r"^(@?)([\w-]+\.(?:yaml|csv|xls|json))$", lambda m: f"{m[1]}{folder / m[2]}", argument)


def _last_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
