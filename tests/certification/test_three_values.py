"""Authored, realised and read are three fields: nothing that anybody reads or says changes another of them."""

import itertools

import pytest
from answered_world import World

from assay.certification.one import Ask, certify
from assay.certification.trust import assemble
from assay.records.label import Given, Label
from assay.records.verdict import Verdict

CODES = ("LB01", "LB02", "LB06", "CO01", "IA01")
STATUSES = ("supported", "contradicted", "not_evidenced", "unparsed")


def given(source: str) -> Given:
    return Given(session="s0", turn=0, name="act", kind="category", value="inform", source=source)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["authored", "given"])
@pytest.mark.parametrize(("code", "status", "read"), itertools.product(CODES, STATUSES, ("inform", "bye", None)))
def test_no_evidence_changes_what_was_authored(source: str, code: str, status: str, read: str | None) -> None:
    for independent, guard in itertools.product((True, False), repeat=2):
        verdict = Verdict(
            code=code, session="s0", turn=0, name="act", status=status, read=read, score=0.1, by="reader",  # type: ignore[arg-type]
            independent=independent, guard=guard,
        )  # fmt: skip
        (label,) = assemble([given(source)], [verdict], None, {"s0": "agents"})
        assert label.value == "inform"
        assert label.authored == ("inform" if source == "authored" else None)
        assert label.read is None, "only people read"
        blind = independent and not guard and code in ("LB01", "LB06") and status != "unparsed"
        assert label.realised == (read if blind else None)


def fields(labels: list[Label]) -> list[tuple[object, ...]]:
    return [(x.id, x.value, x.authored, x.realised, x.source) for x in labels]


def test_answers_fill_read_and_nothing_else() -> None:
    world = World(error=0.3)
    labels = [x.model_copy(update={"realised": "thank"}) for x in world.labels]
    world.labels = labels
    _, roles = world.draw(80, tune=40)
    _, updated = certify(labels, roles, world.answers(roles), Ask(), None)
    assert fields(updated) == fields(labels)
    read = [x for x in updated if x.read is not None]
    assert len(read) == 120
    assert all(x.read == world.truth[x.id] for x in read)
    wrong = [x for x in read if x.read != x.value]
    assert wrong, "people disagree with some labels here, and the label keeps its value"
    assert all(x.trust is not None and x.trust_basis == "answers" for x in updated)


def test_readers_that_disagree_leave_realised_open() -> None:
    said = [
        Verdict(
            code=code, session="s0", turn=0, name="act", status="contradicted", read=read, by=code, independent=True
        )
        for code, read in (("LB01", "bye"), ("LB06", "thank"))
    ]
    (label,) = assemble([given("authored")], said, None, {"s0": "agents"})
    assert (label.value, label.authored, label.realised, label.read) == ("inform", "inform", None, None)
