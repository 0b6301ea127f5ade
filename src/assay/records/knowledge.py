"""Who could know what, when: questions to a session's ledger of knowledge."""

from assay.errors import BadInput
from assay.records.session import Knowledge, Session


def knows(session: Session, party: str, fact: str, turn: int) -> bool:
    """Whether a party could know a private fact at a turn: it owns it, or the ledger says it could by then.

    fact: its name, or `owner.name` where both parties have a fact of that name. turn: 0-based; a fact said at turn t
    can be known from t + 1 on. Raises BadInput for a fact that the ledger does not hold.

    *Guarantee*: exact, by construction from transcript, record and views; no model reads anything.
    """
    rows = entries(session, fact)
    owners = {row.party for row in rows}
    if len(owners) > 1:
        raise BadInput(
            f"both parties have a fact {fact!r}", where=session.id, now=f"ask for {' or '.join(sorted(owners))}.{fact}"
        )
    if party in owners:
        return True
    return any(r.knower == party and r.from_turn is not None and turn >= r.from_turn for r in rows)


def entries(session: Session, fact: str) -> list[Knowledge]:
    """The ledger's rows on one fact (`name` or `owner.name`). Raises BadInput when there are none."""
    rows = [k for k in session.knowledge if fact in (k.fact, f"{k.party}.{k.fact}")]
    if not rows:
        listed = ", ".join(f"{k.party}.{k.fact}" for k in session.knowledge) or "no ledger"
        raise BadInput(f"no private fact {fact!r} in the ledger", where=session.id, now=f"it has: {listed}")
    return rows
