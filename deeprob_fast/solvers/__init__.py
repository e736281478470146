"""Full-batch solvers for softmax regression with an L2 penalty, which know how far from the minimum they are."""

from deeprob_fast.solvers.lbfgs import minimize_lbfgs
from deeprob_fast.solvers.preconditioned import PreconditionedSolver, minimize_path, minimize_preconditioned
from deeprob_fast.solvers.problem import Objective, Solution

__all__ = ["Objective", "PreconditionedSolver", "Solution", "minimize_lbfgs", "minimize_path", "minimize_preconditioned"]
