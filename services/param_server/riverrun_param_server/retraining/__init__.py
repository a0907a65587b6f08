"""Retrains: lines of their own beside live, from their start to what they came to."""
