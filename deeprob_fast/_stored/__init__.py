"""Whether what a file of an index holds hangs together, noun by noun, so that no kernel reads beyond an array."""
