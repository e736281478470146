"""The parts of `evaluate_probe`."""
