"""What a project's target is: one file a kind of task, found by its name."""

from . import classification
from .registry import TASKS, Evidence, Floats, Task, of, scored, unfitted

__all__ = ["TASKS", "Evidence", "Floats", "Task", "classification", "of", "scored", "unfitted"]
