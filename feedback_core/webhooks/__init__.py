"""News of a project sent to other programs: signed, tried again, in order, at least once."""

from .dispatch import Dispatcher
from .kinds import KINDS, PING
from .registering import add, change, ping, reach_here, rotate
from .retrying import WAITS_S
from .targets import Reach

__all__ = ["KINDS", "PING", "WAITS_S", "Dispatcher", "Reach", "add", "change", "ping", "reach_here", "rotate"]
