"""A challenger that learns each accepted entry at once; it becomes champion only through the gate.

Not the shadow of triggers/: that one is fitted anew every 25 entries, and only tells what a retrain would be worth.
"""

from .following import Challengers
from .freezing import new_version, rebuilt, request
from .standing import Standing, nothing_new, told, view

__all__ = ["Challengers", "Standing", "new_version", "nothing_new", "rebuilt", "request", "told", "view"]
