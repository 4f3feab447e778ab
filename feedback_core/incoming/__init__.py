"""Files of other programs on their way in: chosen about, understood, looked at, taken in."""

from .choices import BECOME, Choices
from .looking import Look, fields, look, matched
from .taking import Taken, take
from .understanding import Report, Understood, understood

__all__ = [
    "BECOME",
    "Choices",
    "Look",
    "Report",
    "Taken",
    "Understood",
    "fields",
    "look",
    "matched",
    "take",
    "understood",
]
