"""Why a model says what it says, in terms of the project's columns."""

from .explainer import BACKGROUND as BACKGROUND
from .explainer import Explainer as Explainer
from .explanation import Detail as Detail
from .explanation import Effect as Effect
from .explanation import Explanation as Explanation
from .explanation import Piece as Piece
from .naming import spoken as spoken
from .outputs import Number as Number
from .outputs import outputs_of as outputs_of
from .words import amount as amount
from .words import method as method
from .words import sentence as sentence
from .words import total as total
