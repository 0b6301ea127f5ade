"""An OpenAI-compatible server on loopback that answers at once (or after `--think` seconds) and counts.

    python bench/peers/stub.py --port 8099 [--think 0.2]

GET /count returns the number of chat completions so far. What is asked for as JSON is answered as JSON; a prompt of
assay's user model is answered with words that express the asked act, so that no candidate is drawn in vain.
"""

import argparse
import asyncio
import json

from aiohttp import web

ACTS = {
    "greet": "Hello there.", "thank": "Thanks, that helps a lot.", "say goodbye": "That is all, bye.",
    "accept": "Yes, please do that.", "reject": "No, I would rather not.", "confirm": "Yes, that is right.",
    "deny": "No, that is not right.",
}  # fmt: skip
"""Act in assay's prompt -> words that pass its guard."""
REPLIES = ("Which order is it about?", "I can send you a refund, is that fine?", "Done, the refund is on its way.",
           "Anything else I can help with?")  # fmt: skip


def words(body: dict) -> str:
    """The answer, a function of the request."""
    last = str(body["messages"][-1]["content"])
    asked = json.dumps(body.get("response_format") or "") + last
    if "simulated_input" in asked:
        return json.dumps({"simulated_input": "What about this order, please?"})
    if "is_complete" in asked:
        return json.dumps({"is_complete": False, "reason": "not yet"})
    if "acts: " in last:
        name, _, inside = last.rsplit("acts: ", 1)[1].split("\n")[0].partition("(")
        parts = [p.strip() for p in inside.rstrip(")").split(",") if p.strip()]
        said = [p.split(" = ", 1)[-1] for p in parts]
        opener = "What about this?" if name.startswith(("ask", "request")) else "I would like to say"
        return " ".join([ACTS.get(name.strip(), opener), *said, "please"])
    return REPLIES[min(len(body["messages"]) // 2, 3)]


def app(think: float) -> web.Application:
    """The server."""
    count = 0

    async def chat(request: web.Request) -> web.Response:
        nonlocal count
        body = json.loads(await request.read())
        count += 1
        if think:
            await asyncio.sleep(think)
        message = {"role": "assistant", "content": words(body)}
        usage = {"prompt_tokens": 50, "completion_tokens": 8, "total_tokens": 58}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return web.json_response(
            {"id": "c", "object": "chat.completion", "created": 0, "model": "stub", "choices": [choice], "usage": usage}
        )

    async def counted(_: web.Request) -> web.Response:
        return web.json_response({"calls": count})

    made = web.Application(client_max_size=2**24)
    made.add_routes([web.post("/v1/chat/completions", chat), web.get("/count", counted)])
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--think", type=float, default=0.0)
    given = parser.parse_args()
    web.run_app(app(given.think), host="127.0.0.1", port=given.port, print=None, access_log=None)
