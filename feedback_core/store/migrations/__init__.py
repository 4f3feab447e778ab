"""Numbered schema changes; a released one is never edited, only followed by the next."""

# In the order in which they are applied.
# isort: off
from . import the_loop as the_loop
from . import reviewing as reviewing
from . import evidence as evidence
from . import running_itself as running_itself
from . import other_tasks as other_tasks
from .registry import migrations

# isort: on

__all__ = ["migrations"]
