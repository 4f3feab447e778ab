"""Files as other programs have them: one file of code a format, registered by name."""

from . import argilla, docbin, huggingface, label_studio, plain, prodigy  # each registers itself
from .record import Answer, Format, Guess, Record, Source
from .registry import FORMATS, register

__all__ = [
    "FORMATS",
    "Answer",
    "Format",
    "Guess",
    "Record",
    "Source",
    "argilla",
    "docbin",
    "huggingface",
    "label_studio",
    "plain",
    "prodigy",
    "register",
]
