from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.text_table import find_width, fold_rows

WORDS = st.lists(st.text("abc-.", min_size=1, max_size=40), max_size=12).map(" ".join)


@given(
    rows=st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(WORDS, min_size=n, max_size=n), min_size=1, max_size=5)),
    width=st.integers(20, 200),
)
def test_rows_fit_and_nothing_is_lost(rows: list[list[str]], width: int) -> None:
    folded, widths = fold_rows(rows, width=width)
    assert sum(widths) + 2 * (len(widths) - 1) <= width
    starts = [sum(widths[:index]) + 2 * index for index in range(len(widths))]
    for row, lines in zip(rows, folded, strict=True):
        assert all(len(line) <= width for line in lines)
        for cell, start, size in zip(row, starts, widths, strict=True):
            assert "".join(line[start : start + size] for line in lines).replace(" ", "") == cell.replace(" ", "")


def test_what_fits_stays_in_one_line_and_words_stay_whole() -> None:
    rows = [["id", "summary"], ["windows.linear_fade", "short"]]
    assert fold_rows(rows, width=80)[0][1] == ["windows.linear_fade  short"]
    rows[1][1] = "flat middle " * 9
    lines = fold_rows(rows, width=40)[0][1]
    assert lines[0] == "windows.linear_fade  flat middle flat"
    assert len(lines) == 6


@pytest.mark.parametrize(("columns", "width"), [("200", 200), ("80", 80), ("3", 20)])
def test_the_width_is_the_terminals(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert find_width() == width
