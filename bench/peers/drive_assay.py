"""assay on the stub: ledger, labels of every turn and resume on. Arguments: sessions, slots, folder."""

import asyncio
import os
import sys
import time
from functools import partial

from assay.door import making
from assay.door.making import author_stage, open_run, simulate_stage
from assay.door.options import Plan
from assay.models.resolve import resolve
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger

n, slots, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
making.hosted = partial(resolve, slots=slots)
name = f"openai:stub@{os.environ['OPENAI_BASE_URL']}"
plan = Plan(n=n, seed=int(os.environ.get("SEED", "1")), model=name, assistant=name)
with RunFolder(out, make=True) as folder:
    book = open_run(folder, "returns", plan, "bench")
    began, cpu = time.monotonic(), time.process_time()
    author_stage(folder, book, plan)
    making.core_reader()
    ready = time.monotonic()
    with Ledger(folder.path) as ledger:
        made = len(asyncio.run(simulate_stage(folder, book, plan, ledger)))
print(f"RESULT {made} {time.monotonic() - began:.3f} {time.process_time() - cpu:.3f} {ready - began:.3f}")
