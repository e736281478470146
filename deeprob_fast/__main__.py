"""`python -m deeprob_fast`: the command line."""

from deeprob_fast.cli import main

main(prog_name="python -m deeprob_fast")
