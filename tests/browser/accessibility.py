"""axe-core on what is ours in a page. JupyterLab's own shell has faults of its own, so that a root must be named.

axe-core (npm, MPL-2.0) is not part of this repository: `check_accessibility` skips the test unless ``axe.min.js`` is at
hand, named by the environment variable ``WB_AXE`` or in ``node_modules`` (``npm install --no-save axe-core@4``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

IMPACTS = ("serious", "critical")


def find_axe() -> Path | None:
    """``axe.min.js``, if it is at hand."""
    named = os.environ.get("WB_AXE")
    if named:
        return Path(named)
    found = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
    return found if found.is_file() else None


def check_accessibility(page: Any, root_selector: str, *, disabled_rules: tuple[str, ...] = ()) -> None:
    """Fail on serious and critical violations in the elements that a selector finds; skip where axe-core is not there.

    Args:
        page: a Playwright page.
        root_selector: CSS selector of our own element, such as ``.wb``; it must find one.
        disabled_rules: ids of rules that do not apply, with the reason beside the call.
    """
    axe = find_axe()
    if axe is None:
        pytest.skip("no axe.min.js in WB_AXE, nor node_modules/axe-core: npm install --no-save axe-core@4")
    assert page.locator(root_selector).count() > 0, f"nothing in the page is {root_selector}"
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe.read_text(encoding="utf-8"))  # not add_script_tag, which a page's policy may refuse
    violations = page.evaluate(
        "async ([root, rules]) => (await axe.run(root, { resultTypes: ['violations'], rules })).violations",
        [root_selector, {rule: {"enabled": False} for rule in disabled_rules}],
    )
    told = [
        f"{found['id']} ({found['impact']}): {found['help']}: {node['html'][:200]}"
        for found in violations
        if found["impact"] in IMPACTS
        for node in found["nodes"]
    ]
    assert not told, "\n".join(told)
