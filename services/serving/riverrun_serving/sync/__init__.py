"""Keeping the slots at what the parameter server announces, as each model's policy asks."""
