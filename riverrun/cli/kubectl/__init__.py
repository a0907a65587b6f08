"""`kubectl riverrun`: the verbs of the command line against a release in a cluster."""
