"""Pictures as files: opened safely, kept once by their content, and made small for people and models."""

from .limits import MAX_PICTURES, PICTURE_ENDINGS, is_picture_name
from .opening import opened
from .shelf import Shelf, is_reference, refused, why_refused
from .sweeping import sweep

__all__ = [
    "MAX_PICTURES",
    "PICTURE_ENDINGS",
    "Shelf",
    "is_picture_name",
    "is_reference",
    "opened",
    "refused",
    "sweep",
    "why_refused",
]
