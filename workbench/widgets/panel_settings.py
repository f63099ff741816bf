"""What the separate panel asks for, as options of a run, as Python and as a command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import InvalidValue

# What the model computes in -> the settings that say so.
PRECISIONS: Mapping[str, Mapping[str, str]] = {
    "as the model has it": {},
    "float16 where it is safe": {"inference.use_autocast_dtype": "float16"},
    "bfloat16 where it is safe": {"inference.use_autocast_dtype": "bfloat16"},
    "float16 weights": {"inference.force_weights_dtype": "float16"},
}
AS_IT_IS = next(iter(PRECISIONS))


@dataclass(frozen=True)
class PanelSettings:
    """One press of the button: the song's path, and what was chosen; ``None`` and empty text leave it to the model.

    Attributes:
        song: a path.
        arguments: of `workbench.separate`, those that were given.
        precision: a key of `PRECISIONS`.
    """

    song: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    precision: str = AS_IT_IS

    def to_options(self) -> dict[str, Any]:
        """Keyword arguments of `workbench.separate`.

        Raises:
            InvalidValue: no song, or a precision that there is not.
        """
        if not self.song.strip():
            raise InvalidValue("no song was chosen: pick one from the list, type its path or upload it")
        if self.precision not in PRECISIONS:
            raise InvalidValue(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        settings = dict(PRECISIONS[self.precision])
        return {**self._given(), **({"settings": settings} if settings else {})}

    def to_python(self) -> str:
        """The same run in Python."""
        words = [repr(self.song or "song.flac")]
        words += [f"{name}={value!r}" for name, value in self._given().items()]
        if PRECISIONS[self.precision]:
            words.append(f"settings={dict(PRECISIONS[self.precision])!r}")
        return f"import workbench as wb\n\nstems = wb.separate({', '.join(words)})"

    def to_command(self) -> str:
        """The same run on the command line, for a POSIX shell."""
        song = self.song or "song.flac"
        words = ["workbench", "separate", f"./{song}" if song.startswith("-") else song]
        for name, value in self._given().items():
            words += ["-m" if name == "model" else f"--{name.replace('_', '-')}", str(value)]
        for key, value in PRECISIONS[self.precision].items():
            words += ["--set", f"{key}={value}"]
        return shlex.join(words)

    def _given(self) -> dict[str, Any]:
        return {name: value for name, value in self.arguments.items() if value not in (None, "")}


def list_devices() -> list[tuple[str, str]]:
    """Name of each device, and in words what it is and how much of its memory is free."""
    import psutil
    import torch

    free = psutil.virtual_memory().available
    found = [("auto", "auto: a GPU where there is one")]
    for index in range(torch.cuda.device_count()):
        room, total = torch.cuda.mem_get_info(index)
        title = torch.cuda.get_device_name(index)
        found.append((f"cuda:{index}", f"cuda:{index}: {title}, {room / 1e9:.1f} of {total / 1e9:.1f} GB free"))
    if torch.backends.mps.is_available():
        found.append(("mps", "mps: Apple's GPU"))
    return [*found, ("cpu", f"cpu: {free / 1e9:.1f} GB of memory free")]


def measure_memory(device: str) -> str:
    """How much of a CUDA device's memory is in use, in words; empty for others."""
    if not device.startswith("cuda"):
        return ""
    import torch

    room, total = torch.cuda.mem_get_info(torch.device(device))
    peak = torch.cuda.max_memory_allocated(torch.device(device))
    return (
        f"{(total - room) / 1e9:.1f} of {total / 1e9:.1f} GB in use on {device}, at most {peak / 1e9:.1f} by this run"
    )


def find_device(name: str | None) -> str:
    """The device that a run takes: that of the name, else a GPU where there is one."""
    import torch

    if name is not None:
        return name
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def forget_peak_memory(device: str) -> None:
    """Let `measure_memory` of a CUDA device count from here."""
    import torch

    if device.startswith("cuda") and torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats(torch.device(device))
