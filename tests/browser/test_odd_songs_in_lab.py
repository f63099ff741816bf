"""Songs that one does not think of, in JupyterLab: widgets say what there is not, and all the rest of them works."""

from __future__ import annotations

from typing import Any

import pytest
from controls import check_quiet, run_notebook, wait_value
from lab_widget import LabWidget, within
from labdriver import Lab, Notebook

SONGS = """
import torch
import workbench as wb
from workbench.core import Audio
from workbench.widgets import ChunkExplorer, MaskExplorer, MaskPainter, WindowExplorer
noise = 0.1 * torch.randn(2, 16000, generator=torch.Generator().manual_seed(0))
songs = {"silence": 0 * noise, "mono": noise[:1], "summary": noise}
budgets = {"summary": {"memory_budget_bytes": 0}}  # nothing of it but summaries is kept
shown = {}
for name, data in songs.items():
    trace = wb.trace(Audio(data, 8000), model="hpss", chunk_seconds=0.5, **budgets.get(name, {}))
    shown[name] = {
        "chunks": ChunkExplorer(trace, label=f"chunks of {name}"),
        "windows": WindowExplorer(trace=trace, label=f"windows of {name}"),
        "masks": MaskExplorer(trace, label=f"masks of {name}", chunk=1),
        "painter": MaskPainter(trace, label=f"painter of {name}"),
    }

def measure(audio):
    return float(audio.data.double().square().mean().sqrt())
"""
NOISE = 0.1  # its root mean square


def test_odd_songs(notebook: Notebook, page: Any, lab: Lab) -> None:
    names = ("silence", "mono", "summary")
    cells = [f"for widget in shown[{name!r}].values():\n    display(widget)" for name in names]
    run_notebook(notebook, lab, "odd.ipynb", SONGS, *cells)
    for name in names:
        chunks, windows, masks, painter = (
            LabWidget(notebook, f"shown[{name!r}][{kind!r}]", label=f"{kind} of {name}", right=right)
            for kind, right in (("chunks", 14), ("windows", 14), ("masks", 78), ("painter", 78))
        )
        is_silent = name == "silence"
        level = 0 if is_silent else pytest.approx(NOISE, rel=0.1)
        chunks.press("combobox", "overlap of", "Home", overlap=0, hop_samples=4000)
        chunks.click("next chunk", group="chunk", chunk=lambda chunk: chunk > 0)
        assert chunks.hear("▶ Hear the chunk") == [[pytest.approx(0.5), level]]

        windows.choose("overlap", "0.25", overlap=0.25)
        windows.wait_text("the signal is silence" if is_silent else "RMS of the difference")
        assert windows.hear("Play stitch_chunks", group="listen") == [[pytest.approx(2.0), level]]

        masks.wait_text("No ideal masks, no SDR: they need the true stems, trace(..., references=...).")
        assert masks.root.get_by_role("combobox", name="difference").count() == 0
        assert masks.use("combobox", "mask").locator("option").all_inner_texts() == ["the model's"]
        masks.press("slider", "exponent", "PageUp", exponent=2.0)
        masks.choose("stem", "percussive", stem="percussive")
        assert masks.hear("hear the mixture", group="hear") == [[pytest.approx(0.5), level]]
        masks.hear("hear after", group="hear")
        masks.click("Apply to the song")
        if name == "summary":
            masks.wait_message("of the model's masks only a summary was kept, so that there is no whole song of them")
            masks.click("Dismiss", message="")
        else:
            masks.wait_text("Applied to all stems and chunks of the song")

        painter.click("Rectangle", group="tool", tool="rectangle")
        painter.press("slider", "gain", "Home", gain=0.0)
        painter.press("slider", "softness", "Home", softness=0.0)
        painter.drag("spectrogram to paint on", (0.0, 0.0), (1.0, 1.0))
        painter.wait(position=1)
        [[_, before], [seconds, after]] = painter.hear("Play what is shown", group="hear", count=2)
        assert seconds == pytest.approx(2.0)
        assert before == pytest.approx(notebook.value(f"measure({painter.variable}.sound('before'))"), rel=2e-3)
        assert after <= 0.2 * before  # what lies below the 30 Hz that are shown is left
        painter.click("Apply to the song")
        painter.wait_text("applied 1 stroke to the whole song")
        wait_value(notebook, f"measure({painter.variable}.result.stems['harmonic'])", within(0, 0.2 * NOISE))
        for one in (chunks, windows, masks, painter):
            one.wait(message="", busy=False)
    check_quiet(notebook)
