"""The verbs of the command, by subject; each is a thin signature over the SDK."""
