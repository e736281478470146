"""Optimizers of the SGD family with PyTorch's update rules, schedules of their learning rate, and the lecture's own forms."""

from deeprob_fast.optim import textbook
from deeprob_fast.optim.adagrad import Adagrad
from deeprob_fast.optim.adam import Adam, AdamW
from deeprob_fast.optim.one_cycle import OneCycleLR
from deeprob_fast.optim.optimizer import Optimizer
from deeprob_fast.optim.plateau import ReduceLROnPlateau
from deeprob_fast.optim.rmsprop import RMSprop
from deeprob_fast.optim.scheduler import LRScheduler
from deeprob_fast.optim.schedules import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)
from deeprob_fast.optim.sequential import SequentialLR
from deeprob_fast.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "textbook",
]
