"""Which clustering is in use: compared, promoted, refused, rolled back, each with a stored report."""

from __future__ import annotations

from ..errors import Refused
from ..loop import Loop, silent
from ..types import GATE, Clustering, ClusterReport, Job, Progress
from .comparing import ClusterVerdict, Side, compared, first
from .making import MOST_GROUPS, Asked, recluster
from .naming import table_of
from .standing import Said, said


def request(loop: Loop, by: str, k: int | None = None, trigger: str = "manual") -> Job:
    """Ask the worker for a clustering; while such a request waits, the same job is returned.

    k: groups wished. Raises Refused for a number out of range.
    """
    if k is not None and not 2 <= k <= MOST_GROUPS:
        raise Refused(f"{k} groups are out of range: ask for 2 to {MOST_GROUPS}.")
    payload = {"k": k}
    return loop.store.jobs.request(
        loop.project.id, "recluster", trigger=trigger, by=by, now=loop.clock(), payload=payload
    )


def carry_out(loop: Loop, job: Job, progress: Progress = silent) -> tuple[Clustering, ClusterReport]:
    """Make the clustering a job asks for and compare it; the very first is put into use at once. Safe to repeat."""
    made = recluster(loop, Asked(job.payload["k"], job.id, job.requested_by), progress)
    report = loop.store.clusterings.report_on(made.id) or compare(loop, made)
    if report.finding == "first" and report.decision is None:
        loop.store.clusterings.decide(made, report, "promote", by=GATE, reason="the first groups", now=loop.clock())
    return made, report


def compare(loop: Loop, made: Clustering) -> ClusterReport:
    """Compare a clustering with the one in use on today's answers, and keep what was found. Every call is one look.

    Raises Refused for the one in use.
    """
    store = loop.store.clusterings
    champion = store.champion(loop.project.id)
    if champion is not None and champion.id == made.id:
        raise Refused(f"Clustering {made.number} is in use: there is no other to compare it with.")
    verdict = _verdict(loop, made, champion)
    fields = {
        "challenger": made.id,
        "champion": None if champion is None else champion.id,
        "finding": verdict.finding,
        "action": verdict.action,
        "reasons": verdict.reasons,
        "numbers": verdict.numbers,
    }
    return store.add_report(loop.project.id, fields, loop.clock())


def promote(loop: Loop, made: Clustering, by: str, reason: str = "") -> None:
    """Put a compared clustering into use; against the advice only with a reason. Raises Refused."""
    report = _report(loop, made)
    if report.action == "refuse" and not reason.strip():
        raise Refused(f"Clustering {made.number} gets fewer pairs right: to use it all the same, give a reason.")
    loop.store.clusterings.decide(made, report, "promote", by=by, reason=reason.strip(), now=loop.clock())


def refuse(loop: Loop, made: Clustering, by: str, reason: str = "") -> None:
    """Keep the clustering in use and close the case of another one. Raises Refused."""
    loop.store.clusterings.decide(made, _report(loop, made), "refuse", by=by, reason=reason.strip(), now=loop.clock())


def rollback(loop: Loop, made: Clustering, by: str, reason: str) -> None:
    """Bring an earlier clustering back into use, compared with the present one first. Raises Refused without a reason.

    What people said stays: the next clustering heeds it.
    """
    if loop.store.clusterings.get(made.id).status != "retired":
        raise Refused(f"Clustering {made.number} was not in use before: choose one that was.")
    if not reason.strip():
        raise Refused("A roll-back needs a reason: say what went wrong.")
    report = compare(loop, made)
    loop.store.clusterings.decide(made, report, "promote", by=by, reason=reason.strip(), now=loop.clock())


def said_now(loop: Loop, clustering: Clustering | None) -> Said:
    """What the entries add up to, kept until another comes in. clustering: whose merges, splits and names."""
    store, project_id = loop.store.cluster_feedback, loop.project.id
    about = None if clustering is None else clustering.id
    key = ("said of groups", loop.store.url, project_id, about, store.newest(project_id))
    return loop.cache.get(key, lambda: said(store.standing(project_id), clustering))


def side_of(loop: Loop, clustering: Clustering, found: Said) -> Side:
    """A clustering as one side of a comparison: the groups of the items people spoke of."""
    store = loop.store.clusterings
    items = {item for one, other, _ in (*found.pairs, *found.audit) for item in (one, other)}
    table = table_of(store.clusters(clustering.id))
    placed = store.prototypes_of(clustering.id, sorted(items))
    return Side({item: int(table[prototype]) for item, prototype in placed.items()}, store.heeded(clustering.id))


def _verdict(loop: Loop, made: Clustering, champion: Clustering | None) -> ClusterVerdict:
    if champion is None:
        return first()
    found = said_now(loop, champion)
    sides = side_of(loop, made, found), side_of(loop, champion, found)
    return compared(found, *sides, loop.store.clusterings.looks(loop.project.id), made.seed)


def _report(loop: Loop, made: Clustering) -> ClusterReport:
    report = loop.store.clusterings.report_on(made.id)
    if report is None:
        raise Refused(f"Clustering {made.number} has not been compared with the one in use: compare it first.")
    return report
