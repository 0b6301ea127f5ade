"""Stories of rooms, objects and claims, one sentence a turn, read into events: who was where when what was moved."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assay.verification.minds.tracker import Event, Trust

NAMES = r"(?P<names>[A-Z]\w*(?:(?:, | and |, and )[A-Z]\w*)*)"
ENTERED = re.compile(rf"^{NAMES} entered the (?P<place>[\w ]+)\.$")
EXITED = re.compile(rf"^{NAMES} (?:exited|left) the (?P<place>[\w ]+)\.$")
MOVED = re.compile(rf"^{NAMES} moved the (?P<thing>[\w ]+?) to the (?P<value>[\w ]+)\.$")
IS_IN = re.compile(r"^The (?P<thing>[\w ]+?) is in the (?P<value>[\w ]+)\.$")
CLAIMED = re.compile(rf"^{NAMES} publicly claimed that (?:the )?(?P<thing>[\w ]+?) is in the (?P<value>[\w ]+)\.$")
TOLD = re.compile(
    rf"^{NAMES} privately told (?P<other>[A-Z]\w*) that (?:the )?(?P<thing>[\w ]+?) is in the (?P<value>[\w ]+)\.$"
)
QUESTION = re.compile(r"(?P<first>\w+) is (?:the )?(?P<thing>\w+) really\?$|the (?P<asked>\w+) is\?$")


class Story(NamedTuple):
    """A story's events, and when each person last left the room in which the object lay."""

    events: tuple[Event, ...]
    exits: dict[tuple[int, str], int]
    """(chapter, person) -> step of leaving the room; a chapter begins where the object is laid down anew."""
    chapters: tuple[int, ...]
    """Step at which each chapter begins."""

    def trust(self) -> Trust:
        """A claim is trusted by those who left the object's room before the speaker did: the speaker saw more."""

        def trusted(listener: str, speaker: str, claim: Event) -> bool:
            chapter = sum(start <= claim.step for start in self.chapters)
            mine, theirs = self.exits.get((chapter, listener)), self.exits.get((chapter, speaker))
            return mine is not None and theirs is not None and mine < theirs

        return trusted


def read_story(sentences: Sequence[str]) -> Story:
    """The events of a story. Sentences of other forms are passed over: they move nothing."""
    where: dict[str, str] = {}
    lies: dict[str, str] = {}
    held: dict[str, str] = {}
    events: list[Event] = []
    exits: dict[tuple[int, str], int] = {}
    chapters: list[int] = []
    entered = ""
    for step, text in enumerate(sentences):
        if found := ENTERED.match(text):
            entered = found["place"]
            where |= dict.fromkeys(_names(found["names"]), entered)
            # whoever comes in sees what lies there
            events += [Event(step, x, held[x], _present(where, entered)) for x in lies if lies[x] == entered]
        elif found := EXITED.match(text):
            for name in _names(found["names"]):
                exits[len(chapters), name] = step
                where.pop(name, None)
        elif found := IS_IN.match(text):
            chapters.append(step)
            lies[found["thing"]] = entered
            held[found["thing"]] = found["value"]
            events.append(Event(step, found["thing"], found["value"], _present(where, entered)))
        elif found := MOVED.match(text):
            room = where.get(_names(found["names"])[0], lies.get(found["thing"], ""))
            held[found["thing"]] = found["value"]
            events.append(Event(step, found["thing"], found["value"], _present(where, room)))
        elif found := CLAIMED.match(text):
            speaker = _names(found["names"])[0]
            heard = _present(where, where.get(speaker, "")) | {speaker}
            events.append(Event(step, found["thing"], found["value"], heard, speaker))
        elif found := TOLD.match(text):
            speaker = _names(found["names"])[0]
            events.append(Event(step, found["thing"], found["value"], frozenset((speaker, found["other"])), speaker))
    return Story(tuple(events), exits, tuple(chapters))


def chain_of(question: str) -> tuple[tuple[str, ...], str]:
    """(chain of people, object) of `Where does A think B thinks ... the O is?`; no people for `really`."""
    people = tuple(re.findall(r"(?<=[a-z] )([A-Z]\w*)(?= (?:really )?thinks?)", question))
    found = QUESTION.search(question)
    return people, "" if found is None else found["thing"] or found["asked"]


def _present(where: dict[str, str], room: str) -> frozenset[str]:
    return frozenset(name for name, place in where.items() if place == room)


def _names(text: str) -> list[str]:
    return [n for n in re.split(r", and |, | and ", text) if n]
