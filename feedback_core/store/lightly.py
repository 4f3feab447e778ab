"""sqlite-utils without pandas, which it imports wherever it is installed, only to know the types of its numbers.

That is 0.6 CPU seconds of every command, and nothing here hands it a frame.
"""

from __future__ import annotations

import sys

if "pandas" in sys.modules:
    from sqlite_utils import Database, Migrations
else:
    sys.modules["pandas"] = None  # type: ignore[assignment]  # how Python says: not to be found
    try:
        from sqlite_utils import Database, Migrations
    finally:
        del sys.modules["pandas"]

__all__ = ["Database", "Migrations"]
