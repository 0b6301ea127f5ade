"""What a run will ask of its models, before it starts: counted on the same scenarios worded by templates."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.door.judging import planned
from assay.door.making import check_models
from assay.door.options import Plan
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one
from assay.simulation.script import MOST_TOKENS
from assay.simulation.wording import CANDIDATES
from assay.verification.check import Corpus
from assay.verification.one import select

TRIED = 200
"""Scenarios that are talked through at most; larger runs are scaled up from these."""
LETTERS_PER_TOKEN = 4.0
"""Usual length of a token in English text."""


def dry_run(blueprint: str | Path, plan: Plan, checks: Sequence[str] | None = None) -> dict[str, Any]:
    """Calls and tokens that a run will need, without calling any model.

    The first min(n, 200) scenarios are authored and talked through with template wording and the reference assistant;
    user turns are counted, prompt lengths measured, and scaled to n. Between one candidate per turn (`least`) and
    CANDIDATES (`most`). Prompt tokens are those read when the prefix of a session stays cached.
    `judges`: what each judge would be asked of the sessions that were talked through, as `verify` plans it.
    Raises BadInput for a model that is not there.
    """
    plan.check()
    check_models(plan)
    book = load_blueprint(blueprint)
    tried = min(plan.n, TRIED)
    parts = Parts(assistant=lambda s, rng: reference_assistant(book, s, rng), say=None)
    turns = letters = written = 0
    talked = []
    for index in range(tried):
        session = asyncio.run(simulate_one(book, author_one(book, plan.seed, index), parts))
        # a model words its own turns, which a guard then holds to less than a template is
        worded = "template" if plan.model == "template" else "model"
        turned = tuple(
            t.model_copy(update={"realised_by": worded}) if t.speaker == "user" else t for t in session.turns
        )
        talked.append(session.model_copy(update={"turns": turned}))
        own = [t for t in session.turns if t.speaker == "user"]
        turns += len(own)
        # acts line and the two speaker marks of every exchange, and the header once
        letters += sum(len(t.text) for t in session.turns) + 60 * len(own) + 160
        written += sum(len(t.text) for t in own)
    scale = plan.n / tried
    corpus = Corpus(sessions=talked, seed=plan.seed, blueprint=book)
    judges = planned(corpus, plan, select(checks))["judges"]
    calls = round(turns * scale)
    words = 0 if plan.model == "template" else 1
    # a script is both sides' words
    generated = round((letters if plan.mode == "script" else written) / LETTERS_PER_TOKEN * scale)
    return {
        "sessions": plan.n,
        "counted_on": tried,
        "user_turns": calls,
        "wording_calls": (
            {"least": plan.n * words, "most": plan.n * words}
            if plan.mode == "script"
            else {"least": calls * words, "most": calls * CANDIDATES * words}
        ),
        "assistant_calls": 0 if plan.assistant == "reference" else calls,
        "reading_calls": sum(row["calls"] for row in judges),
        "tokens_generated": {
            "least": generated * words,
            "most": (plan.n * MOST_TOKENS if plan.mode == "script" else generated * CANDIDATES) * words,
        },
        "prompt_tokens_read": round(letters / LETTERS_PER_TOKEN * scale) * words,
        "judges": judges,
    }
