"""Names of models: what is there, what is not, and functions of one's own."""

import asyncio
from pathlib import Path

import pytest

from assay.errors import BadInput, ProviderFailed
from assay.models import Model, Request, Sampling, option_scores, options_request, resolve
from assay.models.model import Answer
from assay.models.scripted import ScriptedModel

ASK = Request(messages=(("system", "be brief"), ("user", "hello")))

MODULE = """
import asyncio
def plain(messages): return messages[-1]["content"].upper()
async def waits(messages):
    await asyncio.sleep(0)
    return str(len(messages))
def raises(messages): raise KeyError("secret detail")
def stops(messages): return next(iter(()))
def empty(messages): return " "
def number(messages): return 3
class Bots:
    @staticmethod
    def say(messages): return "said"
text = "not callable"
"""


@pytest.fixture(autouse=True)
def bots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_bots.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("spec", ["gpt-4", "", "openai:", "python:", "hosted:x", "embedded2"])
def test_an_unknown_model_lists_what_there_is(spec: str) -> None:
    with pytest.raises(BadInput, match="no model") as caught:
        resolve(spec)
    assert "embedded" in caught.value.now
    assert "openai:NAME" in caught.value.now
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("python:some_bots", "a module and a name"),
        ("python:no_such_module_here:f", "cannot import"),
        ("python:some_bots:missing", "no callable 'missing'"),
        ("python:some_bots:text", "no callable 'text'"),
    ],
)
def test_a_function_that_is_not_there(spec: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        resolve(spec)


@pytest.mark.parametrize(("name", "text"), [("plain", "HELLO"), ("waits", "2"), ("Bots.say", "said")])
def test_a_function_answers(name: str, text: str) -> None:
    async def go() -> None:
        model = resolve(f"python:some_bots:{name}")
        assert isinstance(model, Model)
        assert (await model.complete(ASK)).text == text
        await model.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("name", "says"),
    [("raises", "raised KeyError"), ("stops", "StopIteration"), ("empty", "empty text"), ("number", "int")],
)
def test_a_function_that_fails_is_one_clear_error(name: str, says: str) -> None:
    """StopIteration too, which a future cannot hold: whoever waited for it waited for ever."""

    async def go() -> None:
        model = resolve(f"python:some_bots:{name}")
        with pytest.raises(ProviderFailed, match=says):
            await asyncio.wait_for(model.complete(ASK), 10)
        await model.close()

    asyncio.run(go())


def test_another_body_is_another_model(tmp_path: Path) -> None:
    one = resolve("python:some_bots:plain").identity()
    assert one != resolve("python:some_bots:waits").identity()


def test_the_scripted_model_is_a_function_of_the_request() -> None:
    async def go() -> None:
        model = resolve("scripted")
        texts = [(await model.complete(Request(prompt="p", repeat=n))).text for n in (0, 1, 0)]
        assert texts[0] == texts[2] != texts[1]
        faulty = ScriptedModel(faults=["empty", "fail"])
        assert (await faulty.complete(ASK)).text == ""
        with pytest.raises(ProviderFailed):
            await faulty.complete(ASK)
        assert (await faulty.complete(ASK)).text
        assert len(faulty.seen) == 3

    asyncio.run(go())


def test_a_request_is_a_prompt_or_a_chat() -> None:
    with pytest.raises(ValueError, match="either"):
        Request()
    with pytest.raises(ValueError, match="either"):
        Request(prompt="a", messages=(("user", "b"),))


def test_seeds() -> None:
    fixed = [Request(prompt="p", sampling=Sampling(seed=5), repeat=n).seed() for n in range(3)]
    assert fixed[0] == 5
    assert len(set(fixed)) == 3
    free = Request(prompt="p")
    assert free.seed() == Request(prompt="p", purpose="other").seed() != Request(prompt="q").seed()
    assert 0 <= free.seed() < 2**31


def test_options_add_up_their_spellings_and_the_unseen_are_none() -> None:
    answer = Answer(text="A", top_logprobs={"A": -2.0, " A": -1.0, "B": -3.0, "C ": -4.0, "AB": -0.1})
    scores = option_scores(answer, ["A", "B", "C", "D"])
    assert scores["A"] == pytest.approx(-0.6867383)
    assert (scores["B"], scores["C"], scores["D"]) == (-3.0, -4.0, None)
    assert option_scores(Answer(text=""), ["A"]) == {"A": None}
    assert options_request("p").sampling.max_tokens == 1
