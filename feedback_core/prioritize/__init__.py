"""What to ask next: one file per strategy, found by name, blended by weight."""

from . import entropy, least_confidence, margin, random, rarity
from .blend import BINS, blend, histogram, ranks
from .registry import STRATEGIES, Pool

__all__ = [
    "BINS",
    "STRATEGIES",
    "Pool",
    "blend",
    "entropy",
    "histogram",
    "least_confidence",
    "margin",
    "random",
    "ranks",
    "rarity",
]
