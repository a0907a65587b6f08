"""The event log: one Protocol, an embedded implementation, and brokers as they come."""
