"""Which labels a fault makes wrong, and that power hands them out with the words before and after."""

from assay.planting import OPERATORS, Plan, measure, plant
from assay.planting.broken import WORDLESS, broken_labels
from assay.planting.run import Edit, Run
from assay.records import Session, Turn
from assay.records.verdict import Verdict


def sessions(n: int = 12) -> list[Session]:
    return [
        Session(
            id=f"s{i}",
            session_labels={"mood": "ab"[i % 2]},
            turns=tuple(
                Turn(
                    speaker="user", text=f"words of {i} and {t} here",
                    labels={"intent": "xyz"[(i + t) % 3], "tone": "pq"[t % 2]},
                )
                for t in range(4)
            ),
        )
        for i in range(n)
    ]  # fmt: skip


def test_wordless_operators_exist() -> None:
    assert set(OPERATORS) >= WORDLESS


def test_a_turn_without_words_loses_all_its_labels_and_no_other() -> None:
    run = Run(sessions())
    unit = next(iter(OPERATORS["blank"].units(_job(run))))
    made = [(unit, [Edit(turn=2, name=None, before="words", after="")])]
    found = broken_labels(run, OPERATORS["blank"], made)
    sid = run.sessions[unit.session].id
    assert [tuple(t) for t in found] == [(sid, 2, "intent"), (sid, 2, "tone")]
    assert broken_labels(run, OPERATORS["template_marks"], made) == []


def _job(run: Run):  # type: ignore[no-untyped-def]
    from assay.planting.operator import Job
    from assay.planting.run import Aids

    return Job(run=run, kind="text", names=None, aids=Aids())


def test_power_shows_every_copy_to_an_observer() -> None:
    seen = []

    def verify(given):  # type: ignore[no-untyped-def]
        return [
            Verdict(code="LB06", session=s.id, turn=i, name="intent", status="supported", score=0.5, independent=True)
            for s in given for i, t in enumerate(s.turns)
        ]  # fmt: skip

    def observe(wrong, before, after, codes):  # type: ignore[no-untyped-def]
        seen.append((list(wrong), before, after, codes))

    plan = Plan(operators=("act_swap", "blank"), rounds=1, kinds=("label", "text"), confusable=False, observe=observe)
    measure(sessions(), verify, seed=1, rate=0.3, blueprint_hash="", verifier="t", model="given", plan=plan)
    assert len(seen) >= 2
    assert all(codes == {"LB06"} for *_, codes in seen)
    names = [{t.name for t in wrong} for wrong, *_ in seen]
    assert {"intent"} in names, "swaps break the label they swap"
    assert {"intent", "tone"} in names, "blank turns break all labels of the turn"
    assert all(len(wrong) == len(set(wrong)) > 0 for wrong, *_ in seen)


def test_swapped_labels_are_those_of_the_truth() -> None:
    given = sessions()
    _, truth, _ = plant(given, operator="act_swap", label="intent", rate=0.3, seed=3)
    assert {row.name for row in truth} == {"intent"}
