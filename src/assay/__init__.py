"""assay: simulated user sessions whose ground-truth labels can be trusted, and how far.

One door: the records, and the verbs in the order of the flow.

    import assay
    assay.run("returns", "runs/r1", assay.Plan(n=100, seed=1))
    assay.sample("runs/r1", 150, "sample.csv", labels=["core_act"])
    assay.certify("runs/r1", answers="answers.csv")

Everything is imported on first use, so that `import assay` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_VERBS = {
    "author": "assay.door.running",
    "simulate": "assay.door.running",
    "verify": "assay.door.running",
    "power": "assay.door.powering",
    "certify": "assay.door.certifying",
    "compare": "assay.door.comparing",
    "diff": "assay.door.versions",
    "report": "assay.door.trusting",
    "export": "assay.door.exporting",
    "run": "assay.door.running",
    "demo": "assay.door.demo",
    "audit": "assay.door.auditing",
    "import_sessions": "assay.door.auditing",
    "sample": "assay.door.certifying",
    "plant": "assay.door.planting",
    "show": "assay.door.running",
    "lint": "assay.door.linting",
    "realism": "assay.door.realism",
    "init": "assay.door.fitting",
    "gap": "assay.door.gap",
    "learn": "assay.door.learning",
    "consensus": "assay.door.consensus",
    "reliability": "assay.door.reliability",
    "review": "assay.door.reviewing",
    "forget": "assay.door.forgetting",
    "label": "assay.door.labelling",
    "gate": "assay.door.gating",
}
_TYPES = {
    "Blueprint": "assay.records",
    "Scenario": "assay.records",
    "Session": "assay.records",
    "Verdict": "assay.records",
    "Label": "assay.records",
    "Certificate": "assay.records",
    "Plan": "assay.door.options",
}
_MODULES = ("aio", "testing", "records")

__all__ = [
    "Blueprint",
    "Certificate",
    "Label",
    "Plan",
    "Scenario",
    "Session",
    "Verdict",
    "__version__",
    "aio",
    "audit",
    "author",
    "certify",
    "compare",
    "consensus",
    "demo",
    "diff",
    "export",
    "forget",
    "gap",
    "gate",
    "import_sessions",
    "init",
    "label",
    "learn",
    "lint",
    "plant",
    "power",
    "realism",
    "records",
    "reliability",
    "report",
    "review",
    "run",
    "sample",
    "show",
    "simulate",
    "testing",
    "verify",
]

if TYPE_CHECKING:
    from assay import aio, records, testing
    from assay.door.auditing import audit, import_sessions
    from assay.door.certifying import certify, sample
    from assay.door.comparing import compare
    from assay.door.consensus import consensus
    from assay.door.demo import demo
    from assay.door.exporting import export
    from assay.door.fitting import init
    from assay.door.forgetting import forget
    from assay.door.gap import gap
    from assay.door.gating import gate
    from assay.door.labelling import label
    from assay.door.learning import learn
    from assay.door.linting import lint
    from assay.door.options import Plan
    from assay.door.planting import plant
    from assay.door.powering import power
    from assay.door.realism import realism
    from assay.door.reliability import reliability
    from assay.door.reviewing import review
    from assay.door.running import author, run, show, simulate, verify
    from assay.door.trusting import report
    from assay.door.versions import diff
    from assay.records import Blueprint, Certificate, Label, Scenario, Session, Verdict


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"assay.{name}")
    home = _VERBS.get(name) or _TYPES.get(name)
    if home is None:
        raise AttributeError(f"module 'assay' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
