from xml.etree import ElementTree

from assay.pages.charts import bar, icon, rates, stacked

HOSTILE = '"><script>x</script>'


def parsed(markup):
    return ElementTree.fromstring(str(markup))


def test_titles_are_escaped():
    for chart in (
        stacked([("suspect", 1)], 1, HOSTILE),
        bar(0.5, HOSTILE),
        rates((0.5, None, None), None, HOSTILE),
        icon(HOSTILE),
    ):
        root = parsed(chart)
        assert root.find(".//script") is None


def test_a_stacked_bar_gives_each_class_its_share():
    widths = [
        e.get("width")
        for e in parsed(stacked([("a", 1), ("b", 0), ("c", 3)], 4, "t"))
        if (e.get("class") or "").startswith("fill")
    ]
    assert widths == ["25.00%", "75.00%"]


def test_an_empty_bar_is_drawn_as_an_empty_track():
    assert len(parsed(stacked([], 0, "t"))) == 1


def test_values_beyond_the_axis_end_at_its_edge():
    shapes = parsed(bar(1.7, "t", limits=(-0.2, 3.0), planned=2.0))
    assert {e.get("x2") for e in shapes if e.get("class") == "whisker"} == {"100.00%"}
    assert {e.get("x1") for e in shapes if e.get("class") == "whisker"} == {"0.00%"}


def test_without_limits_there_is_a_dot_and_no_whisker():
    assert "whisker" not in str(rates((0.4, None, None), (0.0, None, None), "t"))
    assert str(rates((0.4, 0.3, 0.5), (0.0, 0.0, 0.1), "t")).count("whisker") == 2
