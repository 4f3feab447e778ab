"""Models that were trained elsewhere, or live there: brought as a file, or as nothing but their predictions."""

from .bringing import import_file, import_model
from .connecting import Asked, ask_to_train, connect, register, requested_rows
from .opening import model_of
from .saying import Said, from_file, from_lines, from_table, of_row
from .telling import Coverage, Taken, import_predictions, named

__all__ = [
    "Asked",
    "Coverage",
    "Said",
    "Taken",
    "ask_to_train",
    "connect",
    "from_file",
    "from_lines",
    "from_table",
    "import_file",
    "import_model",
    "import_predictions",
    "model_of",
    "named",
    "of_row",
    "register",
    "requested_rows",
]
