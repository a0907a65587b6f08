"""`riverrun up` for a machine that may stand still: each service has a minute to end by itself."""

from __future__ import annotations

from riverrun.cli.main import main
from riverrun.cli.up import supervisor

if __name__ == "__main__":
    supervisor.STOP_S = dict.fromkeys(supervisor.STOP_S, 60.0)
    main()
