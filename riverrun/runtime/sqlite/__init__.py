"""SQLite as a store that keeps its word: what was committed survives a crash and a power cut."""
