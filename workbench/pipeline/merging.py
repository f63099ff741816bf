"""Documents of the config's form, one over the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from workbench.pipeline.config import ModelSection

WHOLE_KEYS = {("derived_stems",), ("ensemble", "weights")}  # replaced as a whole, not merged key by key


def merge(
    lower: Mapping[str, Any],
    upper: Mapping[str, Any],
    _path: tuple[str, ...] = (),
    *,
    whole_keys: Collection[tuple[str, ...]] = WHOLE_KEYS,
    record: Callable[[tuple[str, ...]], None] | None = None,
) -> dict[str, Any]:
    """``upper`` over ``lower``, section by section; neither is changed. None in ``upper`` counts as left out.

    ``record`` is called with the path of every value that is taken from ``upper``.
    """
    merged = dict(lower)
    for key, value in upper.items():
        path = (*_path, key)
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping) and path not in whole_keys:
            merged[key] = merge(below, value, path, whole_keys=whole_keys, record=record)
        elif value is not None or _is_own_parameter(path):
            merged[key] = value
            if record is not None:
                record(path)
    return merged


def _is_own_parameter(path: tuple[str, ...]) -> bool:
    """Whether this is a parameter of the architecture, for which None is a value like others."""
    return len(path) == 2 and path[0] == "model" and path[1] not in ModelSection.model_fields
