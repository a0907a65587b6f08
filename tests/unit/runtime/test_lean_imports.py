"""What services do not pay for at their start."""

from __future__ import annotations

import subprocess
import sys

import pytest

UNUSED = {
    "riverrun_param_server": {"rich.console", "numpy", "river", "opentelemetry.sdk"},
    "riverrun_serving": {"rich.console", "torch", "opentelemetry.sdk"},
    "riverrun_trainer": {"rich.console", "torch", "opentelemetry.sdk"},
}


@pytest.mark.parametrize("service", UNUSED)
def test_a_service_imports_nothing_that_it_does_not_use(service: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, {service}.__main__; print(*sys.modules)"],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert UNUSED[service] & set(found.stdout.split()) == set()


def test_rich_is_to_be_had_after_structlog_did_without() -> None:
    code = "import riverrun.runtime.lean_imports, structlog, rich.console; print(structlog.dev.rich)"

    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout == "None\n"
