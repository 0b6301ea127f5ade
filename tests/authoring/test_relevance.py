"""Grades of a catalogue: from 0 to 4, 4 only where everything fits, from the user's own wishes and taste alone."""

from assay.authoring.blueprints import load_blueprint
from assay.authoring.one import author_one
from assay.authoring.relevance import relevance_of

MOVIES = load_blueprint("movies")
ROWS = {r["title"]: r for r in MOVIES.world.rows}


def test_every_row_of_every_scenario_is_graded() -> None:
    for i in range(60):
        s = author_one(MOVIES, 2, i)
        assert s.relevance.keys() == ROWS.keys()
        assert set(s.relevance.values()) <= {0, 1, 2, 3, 4}
        assert max(s.relevance.values()) > 0


def test_four_means_that_every_wish_fits_and_no_row_beats_one_that_fits_more() -> None:
    for i in range(60):
        s = author_one(MOVIES, 2, i)
        if s.goal == "where_shown":
            assert [t for t, g in s.relevance.items() if g] == [s.slots["film"]]
            continue
        for title, grade in s.relevance.items():
            wishes = {k: v for k, v in s.slots.items() if k in ROWS[title]}
            if grade == 4:
                assert all(ROWS[title][k] == v for k, v in wishes.items())
            if not any(ROWS[title][k] == v for k, v in wishes.items()):
                assert grade <= 1, "taste alone is worth little"


def test_taste_parts_rows_that_fit_the_wishes_alike() -> None:
    wishes = {"genre": "dramas"}
    fan = relevance_of(MOVIES, "film_tonight", wishes, {"taste": "film fan"})
    casual = relevance_of(MOVIES, "film_tonight", wishes, {"taste": "casual viewer"})
    assert len({fan[t] for t, r in ROWS.items() if r["genre"] == "dramas"}) == 2
    assert len({casual[t] for t, r in ROWS.items() if r["genre"] == "dramas"}) == 1


def test_a_blueprint_that_grades_nothing_has_no_grades() -> None:
    assert author_one(load_blueprint("returns"), 1, 0).relevance == {}
