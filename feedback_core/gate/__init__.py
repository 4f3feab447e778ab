"""The gate: evidence about two versions in, a finding, an action and its reasons out."""

from .errors import judge_errors
from .judging import by_sample, first, judge
from .ranking import judge_ranking
from .verdict import Judgement

__all__ = ["Judgement", "by_sample", "first", "judge", "judge_errors", "judge_ranking"]
