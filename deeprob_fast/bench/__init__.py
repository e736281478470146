"""Timed against other libraries: contestants, the harness that times them in turn, checks of what they return."""
