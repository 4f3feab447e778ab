"""What a project's target is: one file a kind of task, found by its name."""

from . import anomaly, classification, clustering, multilabel, regression
from .registry import TASKS, Evidence, Floats, Offer, TakeIn, Task, of, scored, unfitted, weights

__all__ = [
    "TASKS",
    "Evidence",
    "Floats",
    "Offer",
    "TakeIn",
    "Task",
    "anomaly",
    "classification",
    "clustering",
    "multilabel",
    "of",
    "regression",
    "scored",
    "unfitted",
    "weights",
]
