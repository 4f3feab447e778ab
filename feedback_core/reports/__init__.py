"""Evidence as files of HTML that need nothing else: the refinement report of a verdict, the card of the champion."""

from .card import card, card_facts
from .files import file_of, write
from .refinement import refinement, verdict

__all__ = ["card", "card_facts", "file_of", "refinement", "verdict", "write"]
