"""Labels joined to the predictions that they are about: pure state, with time passed in as event time."""
