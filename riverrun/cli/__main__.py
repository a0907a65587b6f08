"""`python -m riverrun.cli` is the `riverrun` command."""

from riverrun.cli.main import main

main()
