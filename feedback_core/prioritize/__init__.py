"""What to ask next: one file per strategy, found by name, blended by weight."""

from . import alarm, committee, density, entropy, least_confidence, margin, novelty, random, rarity, width
from .blend import BINS, blend, histogram, ranks
from .diversity import DIVERSITY
from .registry import STRATEGIES, Facts, Look, Need, Pool

__all__ = [
    "BINS",
    "DIVERSITY",
    "STRATEGIES",
    "Facts",
    "Look",
    "Need",
    "Pool",
    "alarm",
    "blend",
    "committee",
    "density",
    "entropy",
    "histogram",
    "least_confidence",
    "margin",
    "novelty",
    "random",
    "ranks",
    "rarity",
    "width",
]
