"""Linear probes of frozen features, by published protocols."""
