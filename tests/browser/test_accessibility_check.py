"""The check that other tests use finds what it is for, and what is ours in the launcher passes it."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import check_accessibility

PAGE = "<!doctype html><html lang=en><title>t</title><main><div class=wb>{}</div><button></button></main></html>"


def test_a_control_without_a_name_is_found(page: Any) -> None:
    page.set_content(PAGE.format("<button></button>"))
    with pytest.raises(AssertionError, match="button-name"):
        check_accessibility(page, ".wb")


def test_what_lies_outside_the_root_does_not_count(page: Any) -> None:
    page.set_content(PAGE.format("<button aria-label=play></button>"))
    check_accessibility(page, ".wb")
    with pytest.raises(AssertionError, match=r"nothing in the page is \.other"):
        check_accessibility(page, ".other")
