"""One document describes a run. Every key may be left out; what it then means is in `workbench.pipeline.plan`.

Strict: an unknown key or a value of another type is an error that names the key's path and the nearest known key.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from workbench.errors import InvalidType, InvalidValue

Names = Annotated[tuple[str, ...], Field(strict=False)]
MOST_CHUNK_SAMPLES = 2**40  # months; far beyond any memory, and within the 64 bits of a tensor's length
DtypeName = Annotated[str, Field(pattern=r"^(float16|bfloat16|float32|float64)$")]


class Section(BaseModel):
    """A part of the document: strict types, no unknown keys, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, ser_json_inf_nan="constants")


class ModelSection(BaseModel):
    """The model: its chunk, its stems and, beside these, the architecture's own parameters."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    chunk_size: Annotated[int, Field(ge=1, le=MOST_CHUNK_SAMPLES)] | None = None
    output_stem_names: Names | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The architecture's own parameters."""
        return dict(self.model_extra or {})


class TransformSection(Section):
    """The STFT of spectrogram models; see `workbench.core.StftConfig`."""

    n_fft: Annotated[int, Field(ge=1)] | None = None
    hop_length: Annotated[int, Field(ge=1)] | None = None
    win_length: Annotated[int, Field(ge=1)] | None = None
    window_shape: str | None = None
    normalized: bool | None = None
    conv_dtype: DtypeName | None = None


class AudioIoSection(Section):
    """What the model is given: the song is resampled and its channels are matched."""

    target_sample_rate: Annotated[int, Field(ge=1)] | None = None
    force_channels: Annotated[int, Field(ge=1)] | None = None


class InferenceSection(Section):
    """How the model runs."""

    batch_size: Annotated[int, Field(ge=1)] | None = None
    requested_stems: Names | None = None
    force_weights_dtype: DtypeName | None = None
    use_autocast_dtype: Annotated[str, Field(pattern=r"^(float16|bfloat16)$")] | None = None
    device: str | None = None
    compile_model: bool | None = None
    tta: Annotated[tuple[Literal["swap", "polarity"], ...], Field(strict=False)] | None = None
    shifts: Annotated[int, Field(ge=1)] | None = None
    shift_seed: int | None = None
    max_shift_seconds: Annotated[float, Field(gt=0, le=60)] | None = None


class NormalizationSection(Section):
    """Whether the mixture's mean and standard deviation are taken off around the model."""

    enabled: bool | None = None


class ChunkingSection(Section):
    """Overlap-add."""

    overlap_ratio: Annotated[float, Field(ge=0, lt=1)] | None = None
    window_shape: str | None = None
    padding_mode: Literal["reflect", "constant", "replicate"] | None = None


class MaskingSection(Section):
    """Precision of the mask's product."""

    add_sub_dtype: DtypeName | None = None
    out_dtype: DtypeName | None = None


class WienerSection(Section):
    """The multichannel Wiener filter after the mask; see `workbench.core.wiener_filter`. 0 iterations leave it out.

    ``residual`` makes what the stems leave of the mixture a further source. The root of ``eps`` is what the filter
    holds for noise and gives to no stem: at 1e-10, as Open-Unmix has it, some 40 dB below a loud mixture.
    """

    iterations: Annotated[int, Field(ge=0)] | None = None
    window_frames: Annotated[int, Field(ge=1)] | None = None
    residual: bool | None = None
    eps: Annotated[float, Field(gt=0)] | None = None


class SubtractSection(Section):
    """``stem_name - by_stem_name``."""

    operation: Literal["subtract"]
    stem_name: str
    by_stem_name: str


class SumSection(Section):
    """The sum of ``stem_names``."""

    operation: Literal["sum"]
    stem_names: Names


class OutputSection(Section):
    """The files; ``bit_rate`` is in bits per second, of all channels together."""

    stem_names: Names | None = None
    file_format: str | None = None
    subtype: str | None = None
    bit_rate: Annotated[int, Field(ge=1)] | None = None


class MemberSection(Section):
    """A member of an ensemble: arguments of `workbench.separate`, as plain data, and what it is called."""

    name: str | None = None
    model: str | None = None
    checkpoint: str | None = None
    config: str | dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    device: str | None = None
    chunk_seconds: float | None = None
    overlap: float | None = None
    window: str | None = None
    batch_size: int | None = None
    tta: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    shifts: int | None = None
    shift_seed: int | None = None


MODEL_NAME, MEMBER, WEIGHTS, STEM_WEIGHTS = "model name", "member section", "weight list", "weights by stem"


def _tag_member(member: object) -> str:
    return MODEL_NAME if isinstance(member, str) else MEMBER


def _tag_weights(weights: object) -> str:
    return STEM_WEIGHTS if isinstance(weights, Mapping) else WEIGHTS


Member = Annotated[Annotated[str, Tag(MODEL_NAME)] | Annotated[MemberSection, Tag(MEMBER)], Discriminator(_tag_member)]
WeightList = Annotated[tuple[float, ...], Field(strict=False)]
Weights = Annotated[
    Annotated[WeightList, Tag(WEIGHTS)] | Annotated[dict[str, WeightList], Tag(STEM_WEIGHTS)],
    Discriminator(_tag_weights),
]


class EnsembleSection(Section):
    """Several models whose stems are combined; see `workbench.Ensemble`."""

    members: Annotated[tuple[Member, ...], Field(strict=False, min_length=1)] | None = None
    method: Literal["mean", "median", "min_magnitude", "max_magnitude", "complex_median"] | None = None
    weights: Weights | None = None


class RunConfig(Section):
    """One document for a whole run."""

    model_type: str | None = None
    model: ModelSection = ModelSection()
    transform: TransformSection = TransformSection()
    audio_io: AudioIoSection = AudioIoSection()
    inference: InferenceSection = InferenceSection()
    normalization: NormalizationSection = NormalizationSection()
    chunking: ChunkingSection = ChunkingSection()
    masking: MaskingSection = MaskingSection()
    wiener: WienerSection = WienerSection()
    derived_stems: dict[str, Annotated[SubtractSection | SumSection, Field(discriminator="operation")]] = {}
    output: OutputSection = OutputSection()
    ensemble: EnsembleSection = EnsembleSection()

    def to_document(self) -> dict[str, Any]:
        """What was set, as plain data that YAML and JSON can hold."""
        document = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        # of the architecture's own parameters, None is a value like others
        own = {name: None for name, value in self.model.parameters.items() if value is None}
        return merge(document, {"model": own}) if own else document


WHOLE_KEYS = {("derived_stems",), ("ensemble", "weights")}  # replaced as a whole, not merged key by key


def read_config(source: str | os.PathLike[str] | Mapping[str, Any] | RunConfig | None) -> dict[str, Any]:
    """A document as plain data, checked: from YAML or JSON (by the ending ``.json``), a mapping or a `RunConfig`.

    Raises:
        InvalidValue: a file that is missing or not YAML, an unknown key, a value out of its range.
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
        path = Path(source)
        origin = str(path)
        try:
            text = path.read_text(encoding="utf-8")
            # PyYAML takes neither JSON's tabs nor its 1e-3
            document = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidValue(f"cannot read the config {path}: {error}") from error
        # ValueError: also of a date that is none, and of numbers with thousands of digits
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InvalidValue(f"{path} is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidType(f"{origin} must be a mapping of sections, got {type(document).__name__}")
    document = {key: section for key, section in document.items() if section is not None}  # an empty section in YAML
    validate_config(document, origin=origin)
    return document


def validate_config(document: Mapping[str, Any], *, origin: str = "the config") -> RunConfig:
    """The document as a `RunConfig`; raises `InvalidValue` or `InvalidType` with the path of the first bad key."""
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        raise _explain(error, origin) from error


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
        return key.strip(), yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidValue(f"the value of {key.strip()} is not YAML: {value[:80]!r}") from error


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


def name_nearest(name: str, known: list[str]) -> str:
    """The end of an error message: the nearest known name, or all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


# Which kind of a union a value was taken for: in pydantic's location, not in the document.
TAGS = ("subtract", "sum", MODEL_NAME, MEMBER, WEIGHTS, STEM_WEIGHTS)


def _explain(error: ValidationError, origin: str) -> InvalidValue | InvalidType:
    """The first fault of a document, in one line."""
    fault = error.errors()[0]
    location = tuple(part for part in fault["loc"] if part not in TAGS)
    path = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        section = _section_at(location[:-1])
        known = list(section.model_fields) if section else []
        return InvalidValue(f"{origin}: unknown key {path!r}; {name_nearest(str(location[-1]), known)}")
    message = f"{origin}: {path or 'the document'}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}"
    wrong_type = fault["type"].endswith("_type") or fault["type"] in ("int_from_float", "is_instance_of")
    return InvalidType(message) if wrong_type else InvalidValue(message)


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    section: type[BaseModel] = RunConfig
    for part in location:
        if section is RunConfig and part == "derived_stems":
            return SubtractSection
        if section is EnsembleSection and part == "members":
            return MemberSection
        annotation = section.model_fields[str(part)].annotation if str(part) in section.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        section = annotation
    return section
