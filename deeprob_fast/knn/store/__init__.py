"""An index in a file, and whether what a file holds hangs together."""
