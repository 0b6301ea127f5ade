"""Whose fault was it? One word a session, and the outcomes with and without the sessions whose user was at fault.

What is counted is that a fault stands in the transcript, with its quote; that it caused the outcome is not shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from assay.records.session import Session
from assay.records.verdict import Verdict
from assay.stats.intervals import Interval, cluster_mean
from assay.verification.fidelity.one import CODES

Fault = Literal["none", "helped", "hindered", "minor"]


class Faults(NamedTuple):
    """Faults of the simulated users of a set of sessions."""

    by_session: dict[str, Fault]
    """Session id -> none, helped (at fault, the run succeeded), hindered (at fault, it failed), minor. Sessions whose
    brief is not known are left out."""
    failed: int
    """Failed runs whose brief is known."""
    outcome: Interval | None
    """Share of runs that succeeded, all whose brief and outcome are known; None without any."""
    without: Interval | None
    """The same share without the sessions in which the user helped or hindered; None where none is left."""

    @property
    def counts(self) -> dict[str, int]:
        """Fault -> sessions."""
        held = list(self.by_session.values())
        return {f: held.count(f) for f in ("none", "helped", "hindered", "minor")}

    @property
    def sentence(self) -> str:
        """The headline, empty where no failed run has a fault of the user."""
        return headline(self.counts["hindered"], self.failed)

    def rows(self) -> dict[str, Any]:
        """The keys `user_fault` and, where outcomes are known, `outcome_without_user_fault` of the JSON summary."""
        found: dict[str, Any] = {"user_fault": self.counts}
        if self.outcome is not None:
            found["outcome_without_user_fault"] = {
                "all": interval_row(self.outcome),
                "without": None if self.without is None else interval_row(self.without),
                "failed": self.failed,
            }
        return found


def headline(hindered: int, failed: int) -> str:
    """What an audit says first of `hindered` failed runs with a fault of the user, of `failed`; empty for none."""
    if not hindered:
        return ""
    runs = "failed run has" if failed == 1 else "failed runs have"
    return (
        f"{hindered:,} of your {failed:,} {runs} a fault of the simulated user against its brief: the quotes "
        "stand beside the checks BR01 to BR05."
    )


def success(session: Session) -> bool | None:
    """Whether a run succeeded: its own outcome complete, or a reward of at least 1; None where neither is known."""
    if session.outcome is not None:
        return session.outcome.status == "complete"
    reward = session.session_labels.get("reward")
    if isinstance(reward, bool):
        return reward
    return reward >= 1 - 1e-6 if isinstance(reward, int | float) else None


def user_fault(sessions: Sequence[Session], verdicts: Iterable[Verdict]) -> Faults:
    """Sort sessions by the fault of their user.

    hindered: the run failed and a code of BR01 to BR04 stands against the user; helped: it succeeded all the same;
    minor: only BR05, or the outcome is not known. Verdicts of a guard do not count: sessions that assay made are left
    out, since their words were chosen so that these checks find nothing. Intervals are 95 %, with the runs of one brief
    as one cluster.
    """
    faults: dict[str, set[str]] = {}
    told: set[str] = set()
    for v in verdicts:
        if v.code in CODES and not v.guard:
            if v.status != "not_applicable" and v.code != "BR05":
                told.add(v.session)
            if v.status == "contradicted":
                faults.setdefault(v.session, set()).add(v.code)
    known = [s for s in sessions if s.id in told]
    by = {s.id: _sorted(faults.get(s.id, set()), success(s)) for s in known}
    scored = [s for s in known if success(s) is not None]
    kept = [s for s in scored if by[s.id] in ("none", "minor")]
    failed = sum(success(s) is False for s in scored)
    return Faults(by, failed, _share(scored), _share(kept))


def _sorted(codes: set[str], succeeded: bool | None) -> Fault:
    if not codes:
        return "none"
    if codes == {"BR05"} or succeeded is None:
        return "minor"
    return "helped" if succeeded else "hindered"


def _share(sessions: Sequence[Session]) -> Interval | None:
    """Share of successes, runs of one brief as one cluster."""
    if not sessions:
        return None
    return cluster_mean([float(bool(success(s))) for s in sessions], [brief_key(s) for s in sessions])


def brief_key(session: Session) -> str:
    """What tells briefs apart: the scenario, else all that the user alone was told."""
    return session.scenario or repr(sorted(_brief(session.private).items()))


def _brief(private: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {k: str(v) for k, v in private.get("user", {}).items()}


def interval_row(found: Interval) -> dict[str, Any]:
    """An interval for JSON, 6 significant digits."""
    limits = [None if x is None else float(f"{x:.6g}") for x in (found.low, found.high)]
    return {"rate": float(f"{found.point:.6g}"), "low": limits[0], "high": limits[1], "n": found.n,
            "briefs": found.clusters}  # fmt: skip
