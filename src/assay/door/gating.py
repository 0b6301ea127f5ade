"""gate: whether the labels of a folder are certified to an error, for CI."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.door.large_folder import label_steps
from assay.door.trusting import certificate_of
from assay.errors import BadInput, Refused
from assay.runs.folder import RunFolder


def gate(
    directory: str | Path, max_error: float, *, names: Sequence[str] = (), least_share: float = 0.0
) -> dict[str, Any]:
    """Pass when granted claims bound the error of every asked name by `max_error`; else raise Refused.

    names: label names that must be covered; default: all that the certificate's claims speak of. least_share: share of
    each name's labels that must be certified. A folder whose labels changed since the certificate does not pass.
    Raises BadInput for a number outside (0, 1) or an unknown name, Refused (exit 1) naming what is missing.
    """
    if not 0 < max_error < 1 or not 0 <= least_share <= 1:
        raise BadInput(f"--max-error {max_error}, --least-share {least_share}", now="shares, e.g. --max-error 0.05")
    with RunFolder(directory) as folder:
        certificate = certificate_of(folder)
        tiers: dict[str, Counter[str]] = {}
        for step in label_steps(folder.path):
            for label in step:
                tiers.setdefault(label.name, Counter())[label.tier] += 1
    known = sorted(tiers)
    if unknown := [n for n in names if n not in known]:
        raise BadInput(f"no label is called {unknown[0]!r}", now=f"one of {', '.join(known)}")
    where = str(directory)
    if certificate is None or certificate.status == "not_requested":
        raise Refused(
            "nobody has answered a sample of these labels", where=where,
            now="assay sample DIR -n 150 --out SAMPLE.csv, assay review DIR, assay certify DIR --answers CSV",
        )  # fmt: skip
    bounds = {n: min((c.alpha for c in certificate.claims if c.granted and n in c.names), default=1.0) for n in known}
    asked = list(names) or sorted({n for c in certificate.claims for n in c.names})
    rows = {}
    for name in asked:
        own = tiers.get(name, Counter())
        share = own["certified"] / own.total() if own else 0.0
        passed = bounds[name] <= max_error and share > 0 and share >= least_share
        rows[name] = {"alpha": bounds[name] if bounds[name] < 1 else None, "certified": float(f"{share:.6g}"),
                      "passed": passed}  # fmt: skip
    failed = [n for n, row in rows.items() if not row["passed"]]
    if failed or not rows:
        told = "; ".join(_why(n, rows[n], max_error, least_share) for n in failed) or "no claim was asked for"
        raise Refused(told, where=where, now=_reason(certificate.claims, failed))
    return {"passed": True, "max_error": max_error, "by_name": rows}


def _why(name: str, row: dict[str, Any], max_error: float, least: float) -> str:
    if row["alpha"] is None:
        return f"{name}: no granted claim"
    if row["alpha"] > max_error:
        return f"{name}: certified to {row['alpha']:.3g} only, not to {max_error:.3g}"
    return f"{name}: {row['certified']:.3g} of its labels are certified, {max(least, 1e-9):.3g} asked"


def _reason(claims: Sequence[Any], failed: Sequence[str]) -> str:
    """What the certificate itself says of the first name that fails."""
    for claim in claims:
        if not claim.granted and set(claim.names) & set(failed):
            return str(claim.reason)
    return "assay sample DIR -n 150 --out SAMPLE.csv draws fresh labels for people to answer"
