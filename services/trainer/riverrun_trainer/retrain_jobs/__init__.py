"""On Kubernetes: makes a Job for each retrain that the parameter server has under way."""
