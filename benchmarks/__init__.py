"""Every figure that riverrun claims, each beside what it is measured against. `make bench` runs them all."""
