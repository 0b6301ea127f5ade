"""Throughput of the embedded model alone and of the pipeline on it, in one run.

    python bench/throughput.py [--sessions 20] [--seed 1]

The pipeline simulates sessions of the `returns` blueprint and counts the tokens it generated and read. The raw engine
is then given the very same calls (prompts and sampling from the ledger, in the same order, as many in flight, no
ledger, no policy, no guards) and timed. Both rates count every token generated or read (prompt tokens found in the
prefix cache are not read); share lost = 1 - pipeline rate / raw rate.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from assay.door.making import author_stage, open_run, simulate_stage
from assay.door.options import Plan
from assay.models.model import Request, Sampling
from assay.models.resolve import resolve
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger


def requests_of(ledger: Ledger) -> list[Request]:
    """Every call of a run, in the order in which they were started."""
    keys = ledger.keys()
    calls = sorted(map(ledger.call, keys), key=lambda c: c["started"])
    out = []
    for call in calls:
        asked = dict(call["request"])
        sampling = dict(asked["sampling"])
        sampling["stop"] = tuple(sampling.get("stop", ()))
        out.append(
            Request(
                prompt=asked["prompt"], sampling=Sampling(**sampling, seed=asked.get("seed")), repeat=asked["repeat"]
            )
        )
    return out


async def replay(requests: list[Request]) -> tuple[float, int, int]:
    """(seconds, uncached prompt tokens, generated tokens) of the raw engine on the same calls."""
    model = resolve("embedded")
    waiting = iter(requests)
    prompt = made = 0

    async def worker() -> None:
        nonlocal prompt, made
        for request in waiting:
            answer = await model.complete(request)
            prompt += (answer.prompt_tokens or 0) - (answer.cached_tokens or 0)
            made += answer.completion_tokens or 0

    began = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(model.slots)))
    seconds = time.monotonic() - began
    await model.close()
    return seconds, prompt, made


def main() -> None:
    """Print both rates, the share lost and the cache's hit rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"n = {given.sessions} sessions, seed {given.seed}, {given.rounds} rounds")
    for number in range(given.rounds):
        out = Path(tempfile.mkdtemp(prefix="assay-bench-"))
        plan = Plan(n=given.sessions, seed=given.seed + number)
        with RunFolder(out) as folder:
            blueprint = open_run(folder, "returns", plan, "bench")
            author_stage(folder, blueprint, plan)
            with Ledger(folder.path) as ledger:
                began = time.monotonic()
                asyncio.run(simulate_stage(folder, blueprint, plan, ledger))
                seconds = time.monotonic() - began
                usage = ledger.usage()["word"]
                requests = requests_of(ledger)
        raw_seconds, raw_prompt, raw_made = asyncio.run(replay(requests))
        made, prompt, cached = usage["completion_tokens"], usage["prompt_tokens"], usage["cached_tokens"]
        rate, raw = (made + prompt - cached) / seconds, (raw_made + raw_prompt) / raw_seconds
        print(
            f"round {number}: {len(requests)} calls; "
            f"pipeline {seconds:.1f} s, {made / seconds:.1f} generated tokens/s, "
            f"{rate:.1f} tokens/s with reading; raw engine {raw_seconds:.1f} s, "
            f"{raw_made / raw_seconds:.1f} and {raw:.1f} tokens/s; "
            f"share lost {1 - rate / raw:.1%}; prefix cache hit rate {cached / prompt:.1%}"
        )
        shutil.rmtree(out)


if __name__ == "__main__":
    main()
