"""`python -m feedback_core`."""

from .cli import main

main()
