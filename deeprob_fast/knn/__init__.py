"""Nearest neighbours: `plan` decides how a search runs, `packing` lays rows out for the kernels, `search` runs it."""
