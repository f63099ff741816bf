"""``workbench config``: what a run would do and who said so, and what a config may hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from workbench.cli.messages import showing_notices
from workbench.errors import InvalidValue


def print_schema(*, alone: bool) -> None:
    """The JSON Schema of configs, if no option speaks of one run.

    Raises:
        InvalidValue: one does.
    """
    if not alone:
        raise InvalidValue("--schema prints what any config may hold: leave out -m, -c, --set, --references and --json")
    from workbench.pipeline.config import RunConfig

    print(json.dumps(RunConfig.model_json_schema(), indent=2))


def print_config(
    *, model: str | None, config: Path | None, settings: Mapping[str, object], references: Path | None, as_json: bool
) -> None:
    """The effective document with where each value came from, as YAML with comments or as JSON.

    Raises:
        WorkbenchError: a model, config or setting that cannot be.
    """
    from workbench.pipeline.explained import explain_settings, settings_to_document, settings_to_yaml
    from workbench.pipeline.provenance import spell_infinities
    from workbench.pipeline.request import Request

    with showing_notices():
        explained = explain_settings(Request(model=model, config=config, settings=settings, references=references))
    if not as_json:
        print(settings_to_yaml(explained))
        return
    report = {
        "config": settings_to_document(explained),
        "origins": {".".join(setting.path): setting.origin for setting in explained},
        "depends_on_song": [".".join(setting.path) for setting in explained if setting.depends_on_song],
    }
    print(json.dumps(spell_infinities(report), indent=2, allow_nan=False))
