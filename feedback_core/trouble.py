"""Work of one project or webhook that may break off without holding up that of the others."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

from .errors import FeedbackError

log = logging.getLogger(__name__)


def trouble_with(what: str, work: Callable[[], object], *, but: tuple[type[Exception], ...] = ()) -> str:
    """Why some work broke off, in words, with its traceback in the log; empty when it did not.

    what: for the log. but: what is raised all the same.
    """
    try:
        work()
    except but:
        raise
    except Exception as error:  # a model of a user's own may raise anything; the worker must go on
        log.error("%s\n%s", what, traceback.format_exc())
        return str(error) if isinstance(error, FeedbackError) else f"{type(error).__name__}: {error}"
    return ""
