"""The `riverrun` command."""
