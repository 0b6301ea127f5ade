"""Is the plan of a judge's reading right, and does verifying cost less than simulating on the same model?

    python bench/judge_cost.py SET.jsonl.gz ... [--limit 100]

Plan: the prompts that `assay audit SET --judge M` would send are counted with the tokenizer of the embedded model
(its chat template left out) and set against what `--dry-run` says; nothing is generated. Calls are exact by
construction. Cost: the recorded run of `assay demo --replay` (20 sessions, worded by the embedded model) as it was
simulated, against the plan of reading 1, 2, 5 and all labels a session.
"""

import argparse
import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import assay
from assay.door.auditing import read_any
from assay.door.judging import asked_of, planned
from assay.door.making import blueprint_of
from assay.door.options import Plan
from assay.models.resolve import resolve
from assay.records.storage import read
from assay.runs.folder import RunFolder
from assay.verification.check import Corpus
from assay.verification.judges.cost import plan_of, sent, total
from assay.verification.judges.prompt import Form

CODES = frozenset({"LB01", "LB02", "PT01", "PT02", "RE01"})


def count(url: str, text: str) -> list[int]:
    """Token ids of a text by the server's own tokenizer."""
    body = json.dumps({"content": text, "add_special": True}).encode()
    request = urllib.request.Request(f"{url.removesuffix('/v1')}/tokenize", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return list(json.load(answer)["tokens"])


def shared(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def plan_against_tokenizer(path: str, limit: int, url: str) -> None:
    """Print planned and counted tokens of one set, in both forms."""
    corpus = Corpus(sessions=read_any(path), seed=0)
    for judge in ("embedded-base", "python:builtins:len"):
        asked = asked_of(corpus, judge, CODES, limit, seeing=True)
        form: Form = asked.form
        prompts = asked.prompts
        order, costs = plan_of(prompts, form, 0)
        whole = total(costs)
        all_, fresh = 0, 0
        for held in order:
            before: list[int] = []
            for i in held:
                ids = count(url, sent(prompts[i], form)[0])
                all_ += len(ids)
                fresh += max(1, len(ids) - shared(before, ids))
                before = ids
        name = Path(path).name.split(".")[0]
        print(f"{name}, {form}: {whole.calls} calls; prompt tokens planned {whole.prompt}, counted {all_} "
              f"({whole.prompt / all_ - 1:+.1%}); beyond shared beginnings planned {whole.read}, counted {fresh} "
              f"({whole.read / fresh - 1:+.1%})")  # fmt: skip


def against_simulating() -> None:
    """Print tokens a session of simulating and of reading, on the recorded run."""
    where = Path(assay.__file__).parent / "blueprints" / "replay"
    usage = json.loads((where / "usage.json").read_text(encoding="utf-8"))["by_purpose"]["word"]
    sessions = list(read(where, "sessions"))
    n = len(sessions)
    fresh = usage["prompt_tokens"] - usage["cached_tokens"]
    print(f"simulating, {n} sessions: {usage['answered'] / n:.1f} calls a session, {usage['prompt_tokens'] / n:.0f} "
          f"prompt tokens, {fresh / n:.0f} of them read, {usage['completion_tokens'] / n:.0f} generated")  # fmt: skip
    corpus = Corpus(sessions=sessions, seed=1, blueprint=blueprint_of(RunFolder(where)))
    for a_session in (1, 2, 5, 1000):
        plan = Plan(n=n, judge=("embedded-base",), judged_labels=a_session * n)
        row = planned(corpus, plan, CODES)["judges"][0]
        name = f"{a_session} labels" if a_session < 1000 else "all labels"
        print(f"reading {name} a session: {row['calls'] / n:.1f} calls a session, {row['prompt_tokens'] / n:.0f} "
              f"prompt tokens, {row['prompt_tokens_read'] / n:.0f} of them read, "
              f"{row['tokens_generated'] / n:.0f} generated")  # fmt: skip
        for code, cost in row["by_check"].items():
            print(f"  {code}: {cost['calls'] / n:.1f} calls, {cost['prompt_tokens_read'] / n:.0f} tokens read")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--limit", type=int, default=100)
    given = parser.parse_args()
    against_simulating()
    model = resolve("embedded-base")
    for one in given.sets:
        plan_against_tokenizer(one, given.limit, model._engine.url)  # type: ignore[attr-defined]
