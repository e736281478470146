"""Objectives of two parameters, to watch optimizers on: an ill-conditioned valley, a saddle point, two wells.

A landscape is the mean over examples, as a training objective is, so that the size of a batch means here what it means there.
"""

from deeprob_fast.landscapes.descent import Trajectory, descend
from deeprob_fast.landscapes.landscape import Landscape, condition_number
from deeprob_fast.landscapes.shapes import double_well, quadratic, saddle

__all__ = ["Landscape", "Trajectory", "condition_number", "descend", "double_well", "quadratic", "saddle"]
