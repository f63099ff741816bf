"""What a caller asks for, before anything is looked up or loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, TypedDict

from workbench.pipeline.config import RunConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

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
