"""Numerical gradients, and checks of what is claimed of a function."""
