"""What a caller asks for, before anything is looked up or loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, TypedDict

from workbench.io.names import expand_home
from workbench.pipeline.config import RunConfig
from workbench.pipeline.ensemble import Ensemble

if TYPE_CHECKING:
    from torch import Tensor, nn

    from workbench.core.audio import Audio
    from workbench.registry.cards import ModelCard


@dataclass(frozen=True, eq=False)
class Request:
    """The arguments of `workbench.separate`, as given; ``None`` means not given."""

    model: str | ModelCard | nn.Module | None = None
    checkpoint: str | PathLike[str] | None = None
    config: str | PathLike[str] | Mapping[str, Any] | RunConfig | None = None
    settings: Mapping[str, object] | None = None
    device: str | None = None
    chunk_seconds: float | None = None
    overlap: float | None = None
    window: str | Tensor | None = None
    batch_size: int | None = None
    stems: Sequence[str] | None = None
    derive: Mapping[str, object] | Sequence[str] | str | None = None
    references: Mapping[str, Audio[Tensor]] | str | PathLike[str] | None = None
    tta: Sequence[str] | None = None
    shifts: int | None = None
    shift_seed: int | None = None
    ensemble: Ensemble | None = None

    def __post_init__(self) -> None:
        for name in ("checkpoint", "config", "references"):
            given = getattr(self, name)
            if isinstance(given, str | PathLike):
                object.__setattr__(self, name, expand_home(given))

    @cached_property
    def true_stems(self) -> dict[str, Audio[Tensor]]:
        """The references by name, read once; none where none were given."""
        from workbench.io.references import read_references

        return {} if self.references is None else dict(read_references(self.references))


class RunOptions(TypedDict, total=False):
    """The keyword arguments that `stream` and `trace` share with `separate`."""

    model: str | ModelCard | nn.Module | None
    checkpoint: str | PathLike[str] | None
    config: str | PathLike[str] | Mapping[str, Any] | RunConfig | None
    settings: Mapping[str, object] | None
    device: str | None
    chunk_seconds: float | None
    overlap: float | None
    window: str | Tensor | None
    batch_size: int | None
    stems: Sequence[str] | None
    derive: Mapping[str, object] | Sequence[str] | str | None
    references: Mapping[str, Audio[Tensor]] | str | PathLike[str] | None
    tta: Sequence[str] | None
    shifts: int | None
    shift_seed: int | None
    ensemble: Ensemble | None
