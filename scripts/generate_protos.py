"""Generate riverrun/api from protos/, or with ``--check`` say whether the committed stubs are up to date.

Only the pinned generator will do: another one writes other stubs, which might ask for a newer protobuf
runtime than we allow, and would show as drift on the next machine.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATOR = "1.76.0"


def generate(target: Path) -> set[Path]:
    """Write the stubs of every proto below `target`, and return their paths relative to it."""
    sources = [path.relative_to(PROTOS) for path in sorted(PROTOS.rglob("*.proto"))]
    includes = [f"--proto_path={PROTOS}", f"--proto_path={files('grpc_tools') / '_proto'}"]
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", *includes, *outputs, *map(str, sources)]) != 0:
        raise SystemExit("protoc refused the protos")
    endings = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")
    return {source.with_name(source.stem + ending) for source in sources for ending in endings}


def drift(fresh: Path, names: set[Path]) -> list[str]:
    """What differs between the stubs below `fresh` and the committed ones, one line each."""
    stubs = [path for path in (ROOT / "riverrun" / "api").rglob("*_pb2*") if path.suffix in (".py", ".pyi")]
    committed = {path.relative_to(ROOT) for path in stubs}
    lines = [f"{name}: missing" for name in sorted(names - committed)]
    lines += [f"{name}: has no proto" for name in sorted(committed - names)]
    both = sorted(committed & names)
    return lines + [f"{name}: differs" for name in both if not filecmp.cmp(fresh / name, ROOT / name, False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the stubs differ")
    check = parser.parse_args().check
    if (found := version("grpcio-tools")) != GENERATOR:
        raise SystemExit(f"grpcio-tools is {found}; the stubs are generated with {GENERATOR}: make install")
    if not check:
        print(f"{len(generate(ROOT))} stubs written to riverrun/api")
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        problems = drift(fresh, generate(fresh))
    if problems:
        print("\n".join(problems), "riverrun/api is not what protos/ gives: make protos", sep="\n")
        sys.exit(1)
    print("riverrun/api is what protos/ gives")


if __name__ == "__main__":
    main()
