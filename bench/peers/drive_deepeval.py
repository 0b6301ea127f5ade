"""deepeval's ConversationSimulator on the stub."""

import sys
import time

from deepeval.dataset import ConversationalGolden
from deepeval.simulator import ConversationSimulator
from deepeval.test_case import Turn
from openai import AsyncOpenAI

n, slots = int(sys.argv[1]), int(sys.argv[2])
client = AsyncOpenAI()


async def answer(input: str, turns: list[Turn], thread_id: str) -> Turn:
    """The assistant under test: the whole chat goes to the stub."""
    messages = [{"role": t.role, "content": t.content} for t in turns] + [{"role": "user", "content": input}]
    found = await client.chat.completions.create(model="stub", messages=messages)
    return Turn(role="assistant", content=found.choices[0].message.content)


goldens = [
    ConversationalGolden(
        scenario=f"case {i}: returns a kettle", expected_outcome="refund", user_description="a shopper"
    )
    for i in range(n)
]
simulator = ConversationSimulator(model_callback=answer, simulator_model="gpt-4o-mini", max_concurrent=slots)
began, cpu = time.monotonic(), time.process_time()
cases = simulator.simulate(conversational_goldens=goldens, max_user_simulations=6)
whole = sum(len(c.turns) == 12 for c in cases)
print(f"RESULT {whole} {time.monotonic() - began:.3f} {time.process_time() - cpu:.3f} 0")
