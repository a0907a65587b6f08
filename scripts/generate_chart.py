"""Write the chart's values.schema.json and the table of its README from the comments of values.yaml.

Above each key stands ``# -- `` and what the value does, over as many lines as it takes; then perhaps
``# @schema`` with what it may be, as JSON, or ``# @settings NAME`` for the settings of a service. Without one
the type is that of the default. A map without a text above groups its keys, and takes no others; a map with
one takes anything, as a list does.
``--check`` writes nothing and exits 1 when a file differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riverrun_param_server.settings import ParamServerSettings
from riverrun_serving.settings import ServingSettings
from riverrun_trainer.settings import TrainerSettings
from ruamel.yaml import YAML

from riverrun.runtime.settings import ServiceSettings

CHART = Path(__file__).resolve().parent.parent / "deploy/helm/riverrun"
VALUES = CHART / "values.yaml"
BEGIN, END = "<!-- values: written by `make chart` -->\n", "<!-- end of values -->\n"

SETTINGS: dict[str, type[ServiceSettings]] = {
    "param_server": ParamServerSettings,
    "trainer": TrainerSettings,
    "serving": ServingSettings,
}
OWN = {
    *("host", "port", "http_port", "rest_port", "grpc_port", "insecure"),
    *("param_server", "data", "follow", "specs", "factories", "retrain", "cache_dir", "token_file"),
}
OWN_PARTS = ("tls_", "auth_")
"""Settings that the chart itself gives: where things are, and what other values say."""

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class Comment:
    """What stands above a key."""

    text: str
    schema: dict[str, Any] | None


def comment_above(lines: list[str], index: int, key: str) -> Comment:
    """The comment that ends above line `index`. Raises SystemExit where it is missing or no JSON."""
    first = index
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    words: list[str] = []
    schema = None
    for line in (line.strip().removeprefix("#").strip() for line in lines[first:index]):
        if line.startswith("-- "):
            words = [line[3:]]
        elif line.startswith("@schema "):
            schema = json.loads(line.removeprefix("@schema "))
        elif line.startswith("@settings "):
            schema = settings_schema(line.removeprefix("@settings "))
        elif words:
            words.append(line)
    return Comment(" ".join(words), schema)


def settings_schema(service: str) -> dict[str, Any]:
    """The settings of a service as values: named in camelCase, without those that the chart gives."""
    declared = SETTINGS[service].model_json_schema(by_alias=False)["properties"]
    properties = {}
    for name, schema in declared.items():
        if name in OWN or name.startswith(OWN_PARTS):
            continue
        kept = {k: v for k, v in schema.items() if k not in ("title", "default")}
        kept["description"] = " ".join(kept["description"].split())
        properties[re.sub(r"_(\w)", lambda found: found[1].upper(), name)] = kept
    return {"type": "object", "additionalProperties": False, "properties": properties}


def walk(node: Any, lines: list[str], path: str = "") -> Iterator[tuple[str, Any, Comment]]:
    """Every key of the values with its default and its comment; a map that only groups has no text."""
    for key, value in node.items():
        name = f"{path}{key}"
        comment = comment_above(lines, node.lc.key(key)[0], name)
        yield name, value, comment
        if isinstance(value, dict) and not comment.text:
            yield from walk(value, lines, f"{name}.")


def schema_of(values: Any, lines: list[str]) -> dict[str, Any]:
    """The schema of the whole file."""
    root: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "riverrun"}
    found: dict[str, dict[str, Any]] = {"": root | {"type": "object", "additionalProperties": False}}
    for name, value, comment in walk(values, lines):
        group, _, key = name.rpartition(".")
        properties = found[group].setdefault("properties", {})
        if isinstance(value, dict) and not comment.text:
            properties[key] = found[name] = {"type": "object", "additionalProperties": False}
            continue
        kind = next(name for one, name in _TYPES.items() if isinstance(value, one))
        properties[key] = {"description": comment.text} | (comment.schema or {"type": kind})
    return found[""]


def table_of(values: Any, lines: list[str]) -> str:
    """The table of all values, in their order."""
    rows = ["| value | default | what it is for |", "| --- | --- | --- |"]
    for name, value, comment in walk(values, lines):
        if comment.text:
            default = json.dumps(value).replace("|", "\\|")
            rows.append(f"| `{name}` | `{default}` | {comment.text.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def generated() -> dict[Path, str]:
    """What the files must hold. Raises SystemExit naming a value that no comment explains."""
    text = VALUES.read_text()
    values, lines = YAML().load(text), text.splitlines()
    for name, value, comment in walk(values, lines):
        if not comment.text and not isinstance(value, dict):
            raise SystemExit(f"{VALUES.name}: no `# -- ` above {name}")
    readme = CHART / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        CHART / "values.schema.json": json.dumps(schema_of(values, lines), indent=1) + "\n",
        readme: f"{before}{BEGIN}\n{table_of(values, lines)}\n{END}{after}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    check = parser.parse_args().check
    differ = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    if check and differ:
        print(f"not what values.yaml gives, run `make chart`: {', '.join(path.name for path in differ)}")
        sys.exit(1)
    for path in differ:
        path.write_text(generated()[path])
    print("the chart's schema and table are what values.yaml gives")


if __name__ == "__main__":
    main()
