"""Evidence as files of HTML that need nothing else: the refinement report of a verdict, the card of the champion."""

from jinja2 import TemplateError

from .card import card, card_facts
from .files import file_of, write
from .refinement import refinement, verdict

FAILURES = (TemplateError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What rendering and writing may raise, a full disk and a broken template among it; no decision hangs on a file."""

__all__ = ["FAILURES", "card", "card_facts", "file_of", "refinement", "verdict", "write"]
