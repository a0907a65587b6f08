"""How well a model does: prequential metrics now; holdout, gates, drift and experiments as they come."""
