"""The only place with SQL: one object per noun, over one driver."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from ..pictures import Shelf
from .alarms import Alarms
from .answers import Answers
from .backgrounds import Backgrounds
from .cluster_feedback import ClusterFeedback
from .clusterings import Clusterings
from .contributions import Contributions
from .corrections import Corrections
from .deliveries import Deliveries
from .drawn import DrawnDecisions
from .draws import Draws
from .drift_alerts import DriftAlerts
from .driver import Driver
from .events import Events
from .feedback import FeedbackLog
from .flips import Flips
from .holdout import Holdout
from .items import Items
from .job_lines import JobLines
from .jobs import Jobs
from .judged import JudgedRows
from .listings import Listings
from .maps import Maps
from .members import Members
from .outside import Outside
from .pictures import Pictures
from .predictions import Predictions
from .projects import Projects
from .ranks import Ranks
from .realtime import Realtime
from .residuals import Residuals
from .reversals import Reversals
from .rulings import Rulings
from .sessions import ReviewSessions
from .sqlite import SqliteDriver
from .studies import Studies
from .tallies import Tallies
from .tokens import Tokens
from .triggers import Triggers
from .versions import Versions
from .webhooks import Webhooks

PICTURES = "pictures"
"""Folder of the picture files, among those of the models."""


@dataclass(frozen=True, slots=True)
class Store:
    """Everything durable. Each method of each part is one transaction."""

    url: str
    projects: Projects
    items: Items
    pictures: Pictures
    predictions: Predictions
    draws: Draws
    drawn: DrawnDecisions
    answers: Answers
    alarms: Alarms
    feedback: FeedbackLog
    contributions: Contributions
    corrections: Corrections
    rulings: Rulings
    reversals: Reversals
    ranks: Ranks
    residuals: Residuals
    sessions: ReviewSessions
    maps: Maps
    versions: Versions
    backgrounds: Backgrounds
    flips: Flips
    judged: JudgedRows
    holdout: Holdout
    studies: Studies
    jobs: Jobs
    job_lines: JobLines
    events: Events
    tallies: Tallies
    listings: Listings
    triggers: Triggers
    drift_alerts: DriftAlerts
    realtime: Realtime
    outside: Outside
    webhooks: Webhooks
    deliveries: Deliveries
    members: Members
    tokens: Tokens
    clusterings: Clusterings
    cluster_feedback: ClusterFeedback
    artifacts: Path
    """Folder of the model files, beside the database."""

    @property
    def shelf(self) -> Shelf:
        """The picture files, in a folder beside the models' own."""
        return Shelf(self.artifacts / PICTURES)


def open_store(url: str) -> Store:
    """Open, creating and migrating where needed, `sqlite:///relative.db`, `sqlite:////absolute.db` or a plain path."""
    path = _path(url)
    driver = SqliteDriver(path)
    driver.migrate()
    return _assemble(url, driver, path.with_name(path.stem + "_models"))


def _path(url: str) -> Path:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    if scheme != "sqlite" or not rest.startswith("/") or len(rest) < 2:
        raise StoreError(f"{url!r} is not a database address: write sqlite:///file.db, or a path.")
    return Path(rest[1:])


def _assemble(url: str, driver: Driver, artifacts: Path) -> Store:
    return Store(
        url=url,
        projects=Projects(driver, str(artifacts / PICTURES)),
        items=Items(driver),
        pictures=Pictures(driver),
        predictions=Predictions(driver),
        draws=Draws(driver),
        drawn=DrawnDecisions(driver),
        answers=Answers(driver),
        alarms=Alarms(driver),
        feedback=FeedbackLog(driver),
        contributions=Contributions(driver),
        corrections=Corrections(driver),
        rulings=Rulings(driver),
        reversals=Reversals(driver),
        ranks=Ranks(driver),
        residuals=Residuals(driver),
        sessions=ReviewSessions(driver),
        maps=Maps(driver),
        versions=Versions(driver),
        backgrounds=Backgrounds(driver),
        flips=Flips(driver),
        judged=JudgedRows(driver),
        holdout=Holdout(driver),
        studies=Studies(driver),
        jobs=Jobs(driver),
        job_lines=JobLines(driver),
        events=Events(driver),
        tallies=Tallies(driver),
        listings=Listings(driver),
        triggers=Triggers(driver),
        drift_alerts=DriftAlerts(driver),
        realtime=Realtime(driver),
        outside=Outside(driver),
        webhooks=Webhooks(driver),
        deliveries=Deliveries(driver),
        members=Members(driver),
        tokens=Tokens(driver),
        clusterings=Clusterings(driver),
        cluster_feedback=ClusterFeedback(driver),
        artifacts=artifacts,
    )
