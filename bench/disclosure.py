"""Reluctant against forthcoming profiles: refusals to say what was asked, and when private facts are first said.

    python bench/disclosure.py [BLUEPRINT] [-n 600] [--seed 11]

Template wording and the reference assistant: what differs comes from the policy alone. Prints one JSON object: per
value of the profile's `disclosure` the share of sessions with a refusal and the mean first-mention position (share of
turns), the differences with 95 % intervals, and a Mann-Whitney p of the positions.
"""

import argparse
import asyncio
import json

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.door.gap import disclosure
from assay.records.base import rounded
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one


def main() -> None:
    """Author, simulate, compare, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    asked.add_argument("blueprint", nargs="?", default="returns")
    asked.add_argument("-n", type=int, default=600)
    asked.add_argument("--seed", type=int, default=11)
    given = asked.parse_args()
    book = load_blueprint(given.blueprint)
    parts = Parts(assistant=lambda s, rng: reference_assistant(book, s, rng), say=None)
    scenarios = {s.id: s for s in (author_one(book, given.seed, i) for i in range(given.n))}

    async def talk() -> dict:
        return {i: await simulate_one(book, s, parts) for i, s in scenarios.items()}

    found = disclosure(book, scenarios, asyncio.run(talk()))
    print(json.dumps(rounded({"blueprint": given.blueprint, "n": given.n, "seed": given.seed, "by": found}), indent=2))


if __name__ == "__main__":
    main()
