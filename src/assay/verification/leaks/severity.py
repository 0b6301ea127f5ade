"""How much a leak or an ungrounded claim weighs: helped, hindered or minor."""

from assay.records.session import Session
from assay.records.verdict import Severity
from assay.verification.fidelity.fault import success


def severity(session: Session, taken_up: bool) -> Severity:
    """minor where nobody took the words up or the outcome is not known; else helped (success) or hindered (failure).

    taken_up: whether another party said the same value later, or anybody handed it to a tool. That the words caused the
    outcome is not shown.
    """
    succeeded = success(session)
    if not taken_up or succeeded is None:
        return "minor"
    return "helped" if succeeded else "hindered"
