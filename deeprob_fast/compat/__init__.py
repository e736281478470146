"""The names, shapes and conventions of the courses: a notebook runs with one import changed.

`deeprob` has those of DeepRob's first project (and of EECS 498-007/598), `cs231n` those of CS231n's first assignment. Both take
NumPy arrays and tensors of PyTorch on the CPU, and give back the kind they got.
"""

from deeprob_fast.compat import cs231n, deeprob

__all__ = ["cs231n", "deeprob"]
