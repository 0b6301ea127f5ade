"""openevals' multi-turn simulator on the stub; it has no batch runner, so sessions run in a pool of threads."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI
from openevals.simulators import run_multiturn_simulation

n, slots = int(sys.argv[1]), int(sys.argv[2])
client = OpenAI()


def ask(messages: list[dict]) -> dict:
    """One completion as a message."""
    plain = [{"role": m["role"], "content": m["content"]} for m in messages]
    found = client.chat.completions.create(model="stub", messages=[{"role": "system", "content": "Talk."}, *plain])
    return {"role": "assistant", "content": found.choices[0].message.content}


def session(number: int) -> int:
    """One session of 6 turns."""
    held: list[dict] = []

    def app(inputs: dict, *, thread_id: str) -> dict:
        held.append({"role": "user", "content": inputs["content"]})
        held.append(ask(held))
        return held[-1]

    def user(trajectory: list[dict], *, turn_counter: int, **_: str) -> dict:
        return {**ask(trajectory), "role": "user"}

    return len(run_multiturn_simulation(app=app, user=user, max_turns=6, thread_id=str(number))["trajectory"])


began, cpu = time.monotonic(), time.process_time()
with ThreadPoolExecutor(slots) as pool:
    lengths = list(pool.map(session, range(n)))
print(f"RESULT {sum(x == 12 for x in lengths)} {time.monotonic() - began:.3f} {time.process_time() - cpu:.3f} 0")
