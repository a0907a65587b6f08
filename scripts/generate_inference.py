"""Generate open_inference.binpb from its protos, or with ``--check`` say whether the committed one fits.

The Open Inference Protocol's messages are made at run time from this file, in a descriptor pool of their
own; a generated stub would die beside another one of the same package, such as tritonclient's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

FOLDER = Path(__file__).resolve().parent.parent / "services/serving/riverrun_serving/grpc_edge"
SOURCES = ("open_inference.proto",)
TARGET = FOLDER / "open_inference.binpb"


def generated() -> bytes:
    """The file descriptor set of the protos."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / TARGET.name
        arguments = [f"--proto_path={FOLDER}", f"--descriptor_set_out={out}", *SOURCES]
        if protoc.main(["protoc", *arguments]) != 0:
            raise SystemExit("protoc refused the protos")
        return out.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when it differs")
    if not parser.parse_args().check:
        TARGET.write_bytes(generated())
        print(f"{TARGET.name} written")
    elif TARGET.read_bytes() != generated():
        print(f"{TARGET.name} is not what its protos give: python scripts/generate_inference.py")
        sys.exit(1)
    else:
        print(f"{TARGET.name} is what its protos give")


if __name__ == "__main__":
    main()
