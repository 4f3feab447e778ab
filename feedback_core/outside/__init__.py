"""Models that were trained elsewhere, or live there: brought as a file, or as nothing but their predictions."""

from .bringing import import_file, import_model
from .opening import key, model_of
from .telling import Coverage, Taken, import_predictions, named

__all__ = [
    "Coverage",
    "Taken",
    "import_file",
    "import_model",
    "import_predictions",
    "key",
    "model_of",
    "named",
]
