"""Documents from what a caller gives: a file, a mapping, settings by path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import InvalidType, InvalidValue
from workbench.io.names import expand_home
from workbench.pipeline.config import RunConfig
from workbench.pipeline.merging import merge
from workbench.pipeline.validation import validate_config
from workbench.pipeline.yaml_text import read_json, read_yaml

MOST_CONFIG_BYTES = 1_000_000  # which takes a second to read


def read_config(source: str | os.PathLike[str] | Mapping[str, Any] | RunConfig | None) -> dict[str, Any]:
    """A document as plain data, checked: from YAML or JSON (by the ending ``.json``), a mapping or a `RunConfig`.

    Raises:
        InvalidValue: a file that is missing or not YAML, a key twice, an unknown key, a value out of its range.
        InvalidType: a value of another type.
    """
    if source is None:
        return {}
    if isinstance(source, RunConfig):
        return source.to_document()
    origin = "the config"
    if isinstance(source, Mapping):
        document: object = dict(source)
    elif not isinstance(source, str | os.PathLike):
        raise InvalidType(f"config must be a path, a mapping or a RunConfig, got {type(source).__name__}")
    else:
        path = Path(expand_home(source))
        origin = str(path)
        try:
            if path.stat().st_size > MOST_CONFIG_BYTES:
                raise InvalidValue(f"has more than {MOST_CONFIG_BYTES} bytes; expected the settings of a run")
            text = path.read_text(encoding="utf-8")
            document = read_json(text) if path.suffix.lower() == ".json" else read_yaml(text)
        except InvalidValue as error:
            raise InvalidValue(f"{path}: {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidValue(f"cannot read the config {path}: {reason}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidType(f"{origin} must be a mapping of sections, got {type(document).__name__}")
    document = {key: section for key, section in document.items() if section is not None}  # an empty section in YAML
    validate_config(document, origin=origin)
    return document


def nest_settings(settings: Mapping[str, object] | None) -> dict[str, Any]:
    """``{"chunking.overlap_ratio": 0.75}`` -> ``{"chunking": {"overlap_ratio": 0.75}}``; nested mappings stay.

    Raises:
        InvalidType: no mapping of paths to values.
        InvalidValue: a key that is no path, an unknown key, or a value out of its range.
    """
    nested: dict[str, Any] = {}
    if not isinstance(settings, Mapping | None):
        raise InvalidType(f"settings must be a mapping of paths to values, got {type(settings).__name__}")
    for key, value in (settings or {}).items():
        if not isinstance(key, str):
            raise InvalidType(f"a setting's key must be a path such as chunking.overlap_ratio, got {key!r}")
        *sections, last = key.split(".")
        if not all([*sections, last]):
            raise InvalidValue(f"a setting's key must be a path such as chunking.overlap_ratio, got {key!r}")
        for section in reversed([*sections, last]):
            value = {section: value}
        nested = merge(nested, value, whole_keys=())  # type: ignore[arg-type]
    validate_config(nested, origin="the settings")
    return nested


def parse_setting(text: str) -> tuple[str, object]:
    """``"chunking.overlap_ratio=0.75"`` -> (key, value); the value is read as YAML.

    Raises:
        InvalidValue: no ``=``, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InvalidValue(f"a setting must be KEY=VALUE, such as chunking.overlap_ratio=0.75, got {text!r}")
    try:
        return key.strip(), read_yaml(value)
    except InvalidValue as error:
        raise InvalidValue(f"the value of {key.strip()}: {error}") from error
