import pytest

from assay.certification.answers import Final, agreement, canon, canon_value, read_answers, right, settle
from assay.errors import BadAnswers

HEAD = "sample_id,assessor,answer,seconds\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an empty file"),
        ("sample_id,assessor,seconds\nq1,ann,3\n", "no column answer"),
        (HEAD, "no answers"),
        (HEAD + "q1\n", "too few columns"),
    ],
)
def test_files_that_are_no_answers(tmp_path, text, words):
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(BadAnswers, match=words) as error:
        read_answers(path)
    assert "answers.csv" in str(error.value)


def test_missing_file_and_wrong_encoding(tmp_path):
    with pytest.raises(BadAnswers, match="cannot read"):
        read_answers(tmp_path / "no.csv")
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + b"q1,ann,caf\xe9,1\n")
    with pytest.raises(BadAnswers, match="UTF-8"):
        read_answers(tmp_path / "latin.csv")


def test_a_file_with_mark_quotes_and_line_ends_inside_is_read(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("\ufeff" + HEAD + 'q1,ann,"two\nlines \u2028 here",3\n')
    assert read_answers(path) == [{"sample_id": "q1", "assessor": "ann", "answer": "two\nlines \u2028 here"}]


def rows(*given):
    return [{"sample_id": i, "assessor": a, "answer": t, "seconds": "1"} for i, a, t in given]


def test_unknown_and_double_answers_are_refused():
    with pytest.raises(BadAnswers, match="'q9'"):
        settle(rows(("q9", "ann", "x")), {"q1": "category"})
    with pytest.raises(BadAnswers, match="twice"):
        settle(rows(("q1", "ann", "x"), ("q1", "ann", "x")), {"q1": "category"})


def test_settling():
    kinds = dict.fromkeys(("agree", "differ", "settled", "blank", "none", "tell"), "category")
    given = rows(
        ("agree", "ann", "Inform"), ("agree", "bob", "inform "),
        ("differ", "ann", "inform"), ("differ", "bob", "request"),
        ("settled", "ann", "inform"), ("settled", "bob", "request"), ("settled", "adjudicator", "request"),
        ("blank", "ann", "  "),
        ("tell", "ann", "Can't tell"),
    )  # fmt: skip
    found = {i: (f.outcome, f.canon) for i, f in settle(given, kinds).items()}
    assert found == {
        "agree": ("value", "inform"),
        "differ": ("disagreement", ""),
        "settled": ("value", "request"),
        "blank": ("unanswered", ""),
        "none": ("unanswered", ""),
        "tell": ("cannot_tell", ""),
    }


@pytest.mark.parametrize(
    ("kind", "value", "answer"),
    [
        ("category", "NB-12345", "nb 12345"),
        ("category", "state_goal", "state goal"),
        ("number", 5, "5.0"),
        ("number", 1200, "1,200"),
        ("number", -5, "-5"),
        ("bool", True, "Yes"),
        ("bool", False, "false"),
        ("set", ["a b", "c"], "C; a b"),
        ("set", [], "nothing"),
        ("set", ["x", "y"], '["y", "x"]'),
        ("string", "Straße 5", "STRASSE 5"),
        ("category", "?", "?"),
        ("category", "שלום", "שלום"),
    ],
)
def test_the_same_value_in_other_words(kind, value, answer):
    assert canon(answer, kind) == canon_value(value, kind)


@pytest.mark.parametrize(
    ("kind", "value", "answer"),
    [
        ("number", 12.5, "125"),
        ("number", 5, "-5"),
        ("category", "12.5", "125"),
        ("bool", True, "no"),
        ("set", ["a"], "a; b"),
        ("category", "😀", "😡"),
    ],
)
def test_another_value(kind, value, answer):
    assert canon(answer, kind) != canon_value(value, kind)


@pytest.mark.parametrize(
    ("outcome", "expressed", "not_contradicted"),
    [
        ("cannot_tell", False, True),
        ("several_fit", False, True),
        ("none_of_these", False, False),
        ("disagreement", False, False),
        ("unanswered", False, False),
    ],
)
def test_what_counts_as_wrong(outcome, expressed, not_contradicted):
    assert right(Final(outcome), "v", "expressed") is expressed
    assert right(Final(outcome), "v", "not_contradicted") is not_contradicted


def test_agreement_needs_ten_shared_items():
    kinds = {f"q{i}": "category" for i in range(20)}
    said = {f"q{i}": {"ann": "ab"[i % 2], "bob": "ab"[i % 2]} for i in range(20)}
    assert agreement(said, kinds) == 1
    assert agreement(dict(list(said.items())[:9]), kinds) is None
    opposed = {i: {"ann": "a", "bob": "b"} for i in said}
    assert agreement(opposed, kinds) < 0
    settled = {i: {**a, "adjudicator": "a"} for i, a in opposed.items()}
    assert agreement(settled, kinds) == agreement(opposed, kinds)
