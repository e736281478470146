"""Models in files that hold no code."""
