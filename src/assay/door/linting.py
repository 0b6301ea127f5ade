"""lint: a blueprint's defects, the walk through its own simulator included."""

import asyncio
from pathlib import Path

from assay.authoring.blueprints import load_blueprint
from assay.authoring.lint import Finding
from assay.authoring.lint import lint as lint_blueprint
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one


def _talk(blueprint: Blueprint, scenario: Scenario) -> str:
    """Terminal state of one session in template words with the reference assistant."""
    parts = Parts(assistant=lambda s, rng: reference_assistant(blueprint, s, rng), say=None)
    return str(asyncio.run(simulate_one(blueprint, scenario, parts)).end)


def lint(blueprint: str | Path) -> list[Finding]:
    """Defects AU01 to AU05 of a blueprint (METHODS 1.3), in that order; empty when there are none.

    Raises BadBlueprint for a file that is not a blueprint at all.
    """
    return lint_blueprint(load_blueprint(blueprint), talk=_talk)
