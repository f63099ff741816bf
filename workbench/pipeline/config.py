"""One document describes a run. Every key may be left out; what it then means is in `workbench.pipeline.plan`.

Strict: an unknown key or a value of another type is an error, see `workbench.pipeline.validation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

Names = Annotated[tuple[str, ...], Field(strict=False)]
MOST_CHUNK_SAMPLES = 2**40  # months; far beyond any memory, and within the 64 bits of a tensor's length
FrameSamples = Annotated[int, Field(ge=1, le=2**24)]  # minutes; more would fail for want of memory
DtypeName = Annotated[str, Field(pattern=r"^(float16|bfloat16|float32|float64)$")]


def check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, none of which may be there twice."""
    if len(set(names)) < len(names):
        raise PydanticCustomError("not_distinct", "each can be named once")
    return names


Augmentations = Annotated[
    tuple[Literal["swap", "polarity"], ...],
    Field(strict=False, json_schema_extra={"uniqueItems": True}),
    AfterValidator(check_distinct),
]


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

    n_fft: FrameSamples | None = None
    hop_length: FrameSamples | None = None
    win_length: FrameSamples | None = None
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
    tta: Augmentations | None = None
    shifts: Annotated[int, Field(ge=1, le=1000)] | None = None
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
        return {**document, "model": {**document.get("model", {}), **own}} if own else document


# Where a document speaks of what is also an argument of `separate`.
PATH_OF_ARGUMENT = {
    "model": ("model_type",),
    "device": ("inference", "device"),
    "chunk_seconds": ("model", "chunk_size"),
    "overlap": ("chunking", "overlap_ratio"),
    "window": ("chunking", "window_shape"),
    "batch_size": ("inference", "batch_size"),
    "tta": ("inference", "tta"),
    "shifts": ("inference", "shifts"),
    "shift_seed": ("inference", "shift_seed"),
}
