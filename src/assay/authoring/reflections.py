"""Thinking over the eleven context fields before any words exist, kept apart from them (METHODS 1.2).

The values are given: they were drawn and stand in the scenario; a thought only says what one of them means for this
conversation. Published pipelines ask the model to "assume" the values inside its reasoning, so that nothing can be
stored as a label. Thoughts are stored in the scenario. No prompt of any party holds their sentences; only their short
`words`, which come from a fixed vocabulary, stand in the header of the user's own prompt.
"""

import re
from collections.abc import Callable, Mapping

from assay.records.blueprint_parts import CONTEXT_FIELDS
from assay.records.layers import Thought

RULES: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "age": {
        "teenager": ("Leaves out greetings and formal phrases.", ()),
        "young adult": ("Expects the chat to be quick and writes as to a peer.", ()),
        "middle-aged": ("Gets to the matter at once and expects it to be settled.", ()),
        "older adult": ("Writes whole sentences and wants each step named.", ()),
    },
    "gender": {},
    "familiarity": {
        "first contact": ("Does not know the procedure and waits to be asked.", ("first contact",)),
        "contacted before": ("Knows that details will be asked for.", ("second contact",)),
        "regular": ("Knows the procedure and skips the preliminaries.", ()),
    },
    "emotion": {
        "calm": ("Stays level whatever the answer is.", ("calm",)),
        "annoyed": ("Has little goodwill left and shows it after a setback.", ("annoyed",)),
        "worried": ("Listens for signs that it will go wrong.", ("worried",)),
        "cheerful": ("Is friendly from the first line on.", ("happy",)),
        "tired": ("Uses few words and wants few steps.", ("tired",)),
    },
    "formality": {
        "casual": ("Drops capitals and full stops now and then.", ("casual",)),
        "neutral": ("Writes plainly, neither chummy nor stiff.", ()),
        "formal": ("Writes complete sentences with care.", ("careful",)),
    },
    "duration": {
        "in a hurry": ("Answers at once and ends as soon as the matter is done.", ("in a hurry",)),
        "some minutes": ("Has time for the questions, not for detours.", ()),
        "plenty of time": ("Does not mind another question or a longer answer.", ("plenty of time",)),
    },
    "medium": {
        "web chat": ("Types at a keyboard, so lines can be complete.", ("chat",)),
        "phone app": ("Types with a thumb, so lines are short.", ("chat",)),
        "text message": ("Writes as in a message to a friend: one short line.", ("text message",)),
    },
    "topic": {},
    "location": {
        "at home": ("Can look for papers and numbers while chatting.", ("at home",)),
        "at work": ("Chats between other duties and keeps private matters short.", ("at work",)),
        "on the train": ("May be read over the shoulder and may lose the line.", ("on the train",)),
        "in a cafe": ("Is distracted and may be read over the shoulder.", ("noisy place",)),
    },
    "stance": {
        "agrees easily": ("Takes a first proposal unless something speaks against it.", ()),
        "undecided": ("Wants to hear what is possible before saying yes.", ()),
        "sceptical": ("Doubts what is promised and asks back.", ()),
    },
    "disfluency": {
        "none": ("Rereads a line before sending it.", ()),
        "some": ("Lets a filler or a typo stand here and there.", ()),
        "much": ("Starts over in mid-sentence and leaves fillers in.", ()),
    },
}
"""Field -> drawn value -> (what it means for the conversation, words for the header)."""

PLAIN: dict[str, str] = {
    "age": "Speaks as {value} people do to a stranger.",
    "gender": "Is spoken of as a {value}; nothing else in the chat hangs on it.",
    "familiarity": "Knows the other side this well: {value}.",
    "emotion": "Comes into the chat feeling {value}.",
    "formality": "Keeps the register {value}.",
    "duration": "Has this much time: {value}.",
    "medium": "Writes over {value}.",
    "topic": "Comes about {value} and stays with it.",
    "location": "Is {value} during the chat.",
    "stance": "Takes this stance on proposals: {value}.",
    "disfluency": "Hesitates and corrects themselves: {value}.",
}
"""Field -> sentence for values of a blueprint's own."""

SITUATION_FIELDS = ("medium", "location", "emotion", "duration", "familiarity")
"""Fields whose words go to the header's situation; those of formality go to its manner."""
HEADER_WORDS: dict[str, tuple[str, ...]] = {
    "familiarity": ("first contact", "second contact"),
    "emotion": ("calm", "annoyed", "worried", "happy", "tired", "curious", "relaxed", "excited", "bored"),
    "formality": ("casual", "careful"),
    "duration": ("in a hurry", "plenty of time", "short visit", "long visit"),
    "medium": ("chat", "phone", "voice assistant", "email", "text message", "web form"),
    "location": (
        "at home", "at work", "on the train", "in the car", "in a shop", "outside", "in a waiting room",
        "at the airport", "in bed", "in the kitchen", "noisy place", "quiet place",
    ),
}  # fmt: skip
"""Field -> words that may stand in a header: those that the user adapter was trained with."""

Write = Callable[[str], str]
"""A language model: text -> text."""
LONGEST = 240
"""Characters of a thought by a model."""


def reflect(context: Mapping[str, object]) -> tuple[Thought, ...]:
    """One thought for each drawn context field, by rule."""
    return tuple(_by_rule(f, str(context[f])) for f in CONTEXT_FIELDS if context.get(f))


def _by_rule(name: str, value: str) -> Thought:
    sentence, words = RULES[name].get(value, ("", ()))
    if not sentence:
        words = (value,) if value in HEADER_WORDS.get(name, ()) else ()
        sentence = PLAIN[name].format(value=value)
    return Thought(field=name, value=value, consequence=sentence, words=words)


def reflection_prompt(context: Mapping[str, object], setting: str) -> str:
    """What a language model is asked: one numbered sentence per field; the values are given."""
    given = [f for f in CONTEXT_FIELDS if context.get(f)]
    lines = "\n".join(f"{i}. {name}: {context[name]}" for i, name in enumerate(given, 1))
    words = "\n".join(f"{name}: {', '.join(HEADER_WORDS[name])}" for name in given if name in HEADER_WORDS)
    return (
        f"A person is about to write in a {setting}. These facts about them are fixed; do not change or add any:\n"
        f"{lines}\n\nBefore a word is written, think about each fact: how will it show in how this person writes?\n"
        f"Answer with the same numbers, one sentence each, nothing else. Where one of these words fits the fact, "
        f"end the line with it in square brackets:\n{words}\n"
    )


def reflect_with(
    write: Write, context: Mapping[str, object], setting: str
) -> tuple[tuple[Thought, ...], tuple[str, ...]]:
    """(thoughts by a language model, fields that it left out or answered unusably: those are by rule).

    The field and value of a thought are always the drawn ones, whatever the model writes; words beyond the field's
    own vocabulary are not taken.
    """
    return read_reflection(write(reflection_prompt(context, setting)), context)


def read_reflection(answer: str, context: Mapping[str, object]) -> tuple[tuple[Thought, ...], tuple[str, ...]]:
    """(thoughts, fields by rule) of a model's answer to `reflection_prompt`."""
    given = [f for f in CONTEXT_FIELDS if context.get(f)]
    said = {int(n): text.strip() for n, text in re.findall(r"^\s*(\d{1,2})[.):]\s*(.+)$", answer, re.M)}
    thoughts, missing = [], []
    for number, name in enumerate(given, 1):
        ruled = _by_rule(name, str(context[name]))
        words = tuple(w.strip() for part in re.findall(r"\[([^\]]*)\]", said.get(number, "")) for w in part.split(","))
        sentence = " ".join(re.sub(r"\[[^\]]*\]", " ", said.get(number, "")).split())
        if len(sentence.split()) < 3 or len(sentence) > LONGEST:
            missing.append(name)
            thoughts.append(ruled)
            continue
        taken = tuple(w for w in dict.fromkeys(words) if w in HEADER_WORDS.get(name, ()))[:1]
        thoughts.append(ruled.model_copy(update={"consequence": sentence, "words": taken or ruled.words}))
    return tuple(thoughts), tuple(missing)
