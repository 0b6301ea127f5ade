"""A certificate as an assertion, for a team's own tests."""

from collections.abc import Sequence
from pathlib import Path

from assay.records.certificate import Certificate, Claim
from assay.records.label import Label
from assay.records.storage import read


def assert_certified(
    directory: str | Path, *, max_error: float = 0.05, max_risk: float = 0.05, names: Sequence[str] = (),
    min_share: float = 0.0,
) -> None:  # fmt: skip
    """Fail unless the run's labels are certified: a granted claim of an error of at most `max_error`.

    max_risk: largest risk of a false claim. names: label names that must be covered; none: the run's granted claims
    are enough. min_share: least share of the labels of these names (of all labels without names) that is certified.
    Raises AssertionError that says what
    is missing, BadInput for a folder without a certificate or labels.
    """
    certificate: Certificate = next(iter(read(directory, "certificate")))
    good = [c for c in certificate.claims if c.granted and c.alpha <= max_error and c.delta <= max_risk]
    assert good, f"{directory}: no granted claim of an error of at most {max_error:g} at risk {max_risk:g}; " + (
        _said(certificate.claims) or f"the certificate is {certificate.status}"
    )
    covered = {n for c in good for n in (c.names or (c.name,))}
    pooled = any(c.name == "pooled" and not c.names for c in good)
    missing = [n for n in names if n not in covered and not pooled]
    assert not missing, f"{directory}: no granted claim covers {', '.join(missing)}; {_said(certificate.claims)}"
    labels = [x for x in _labels(directory) if not names or x.name in names]
    certified = sum(x.tier == "certified" for x in labels)
    share = certified / len(labels) if labels else 0.0
    assert certified, f"{directory}: a claim is granted, but none of {len(labels)} labels is certified any more"
    assert share >= min_share, (
        f"{directory}: {certified} of {len(labels)} labels certified, {share:.2f} < {min_share:g}"
    )


def _labels(directory: str | Path) -> list[Label]:
    return list(read(directory, "labels"))


def _said(claims: Sequence[Claim]) -> str:
    return "; ".join(f"{c.name}: {'granted' if c.granted else 'refused'} at {c.alpha:g}: {c.reason}" for c in claims)
