"""One retrain: history learned anew, caught up with the log, compared with live, taken over or given up."""
