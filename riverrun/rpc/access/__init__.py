"""Who may call what: the table, how callers are known, and the gates in front of gRPC and HTTP."""
