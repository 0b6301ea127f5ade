"""sdialog: two agents that talk, one session after the other (it has no batch runner)."""

import sys
import time

import sdialog
from sdialog.agents import Agent
from sdialog.personas import Persona

n = int(sys.argv[1])
sdialog.config.llm("openai:gpt-4o-mini")
began, cpu = time.monotonic(), time.process_time()
whole = 0
for number in range(n):
    user = Agent(persona=Persona(name="Ann", role="customer"), name="Ann")
    bot = Agent(persona=Persona(name="Bot", role="support"), name="Bot")
    dialog = user.dialog_with(bot, max_turns=12, seed=number)
    whole += len(dialog.turns) >= 12
print(f"RESULT {whole} {time.monotonic() - began:.3f} {time.process_time() - cpu:.3f} 0")
