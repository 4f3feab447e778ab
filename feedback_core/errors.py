"""Every error of the core, drawn once.

FeedbackError
├── InvalidInput (ValueError)         a value that cannot be accepted: names the field, the value and the way out
│   ├── InvalidFeedback               one feedback entry
│   ├── InvalidFile                   an uploaded file
│   └── InvalidSetting                a setting out of range
├── NotFound (LookupError)            no such project, item, version, draw, job, member or token
├── NotSignedIn                       nobody can tell who asks: says how to sign in
├── Forbidden (PermissionError)       who asks lacks the role: names the action, the role and whom to ask
├── Stale                             the item has moved on since it was shown
├── Refused                           an action that the evidence forbids
├── CannotTrain                       the training set cannot be fitted (one class only, no rows)
├── ArtifactError                     a model file is missing, changed or of an untrusted type
│   └── Unreachable                   a model that lives elsewhere does not answer, or not as agreed
├── NotInstalled (ImportError)        an optional package is missing: names the extra that installs it
├── StoreError                        the database file cannot be used
│   └── StoreBusy                     another program keeps it locked: it may work a little later
└── RemoteError                       a server has refused a request of the client, or does not answer
"""


class FeedbackError(Exception):
    """Root of everything this package raises on purpose."""


class InvalidInput(FeedbackError, ValueError):
    """A value that cannot be accepted."""


class InvalidFeedback(InvalidInput):
    """One feedback entry that cannot be accepted; nothing was stored."""


class InvalidFile(InvalidInput):
    """A file that cannot be read as a table."""


class InvalidSetting(InvalidInput):
    """A setting out of range."""


class NotFound(FeedbackError, LookupError):
    """No such project, item, version, draw, job, member or token."""


class NotSignedIn(FeedbackError):
    """Who asks cannot be told: no token, or one that is unknown, revoked or over."""


class Forbidden(FeedbackError, PermissionError):
    """Who asks is known, and lacks the role for what they ask."""


class Stale(FeedbackError):
    """The item has moved on since it was shown to the reviewer."""


class Refused(FeedbackError):
    """An action that the stored evidence forbids."""


class CannotTrain(FeedbackError, ValueError):
    """The training set cannot be fitted."""


class ArtifactError(FeedbackError):
    """A model file is missing, changed or of an untrusted type."""


class NotInstalled(FeedbackError, ImportError):
    """An optional package is missing."""


class Unreachable(ArtifactError):
    """A model that lives elsewhere does not answer, or not as agreed."""


class StoreError(FeedbackError):
    """The database file cannot be used."""


class StoreBusy(StoreError):
    """Another program has kept the database locked for longer than a writer waits; nothing was stored."""


class RemoteError(FeedbackError):
    """A refusal by a server, in its words. status: of HTTP, 0 where no answer came. code: for programs."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code
