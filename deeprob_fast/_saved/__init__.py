"""What is in the files of `deeprob_fast.save`: containers of arrays, records of models in them, checks of what comes out."""
