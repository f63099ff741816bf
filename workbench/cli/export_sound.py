"""The sound of an exported page: exact, or for listening where exact would make a page of a hundred megabytes."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

EXACT_BYTES = 15 * 10**6  # of sound in a page; 20 MB of it as text
FLAC = re.compile(r"data:audio/flac;base64,([A-Za-z0-9+/=]+)")  # as widgets and `workbench.display` write it


def measure_sound_bytes(notebook: NotebookNode) -> int:
    """How large the sound files in a notebook's outputs are together."""
    return sum(len(data) * 3 // 4 for text in _list_pages(notebook) for data in FLAC.findall(text))


def compress_sound(notebook: NotebookNode) -> int:
    """Put Opus in place of each FLAC file in a notebook's outputs; gives the bit rate, in bit/s."""
    import soundfile
    import torch

    from workbench.core.audio import Audio
    from workbench.report.sound import HIGHEST_BIT_RATE, SoundPlan, encode_sound

    encoded: dict[bytes, str] = {}  # a sound that is shown twice is encoded once

    def replace(match: re.Match[str]) -> str:
        data = match.group(1)
        digest = hashlib.sha256(data.encode("ascii")).digest()
        if digest not in encoded:
            samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32", always_2d=True)
            audio = Audio(torch.from_numpy(samples.T), rate)  # (channel, time)
            plan = SoundPlan(HIGHEST_BIT_RATE, samples.shape[0] / rate)
            encoded[digest] = base64.b64encode(encode_sound(audio, plan, gain=1.0)).decode("ascii")
        return f"data:audio/webm;base64,{encoded[digest]}"

    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", {}):
                output["data"]["text/html"] = FLAC.sub(replace, _join(output["data"]["text/html"]))
    return HIGHEST_BIT_RATE


def _list_pages(notebook: NotebookNode) -> list[str]:
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())]
    return [_join(data["text/html"]) for data in outputs if "text/html" in data]


def _join(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
