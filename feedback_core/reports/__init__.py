"""Evidence as files of HTML that need nothing else: the refinement report of a verdict, the card of the champion."""

from .card import card
from .files import file_of, write
from .refinement import refinement

__all__ = ["card", "file_of", "refinement", "write"]
