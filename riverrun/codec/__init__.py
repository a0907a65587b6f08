"""State to bytes and back: data only, by an allow-list, never by pickle."""
