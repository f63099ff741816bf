"""What a plugin registers: frozen cards that describe a window or a model without loading torch.

A card is light. Its ``make`` or ``load`` may be a string ``"package.module:function"``; that module
is imported only when the window or model is used, so listing everything stays instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from workbench.core.settings import StftConfig

INPUT_TYPES = ("waveform", "spectrogram", "waveform_and_spectrogram")
OUTPUT_TYPES = ("waveform", "spectrogram_mask", "spectrogram")
CONTEXTS = ("chunk", "song")
HOOK_API = 1
RESERVED_STEM_NAMES = ("mixture", "remainder")

# The type of a model's parameter that is the number of frequencies of its transform, ``n_fft // 2 + 1``. It follows
# the transform: whoever sets another ``transform.n_fft`` need not set it too. Its default is that of the card's stft.
NumFreqs = Annotated[int, "frequencies of the transform"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a window: its default, its range (both ends allowed) and what it does."""

    default: float
    minimum: float | None = None
    maximum: float | None = None
    summary: str = ""


@dataclass(frozen=True)
class WindowCard:
    """A window for overlap-add.

    Args:
        name: short name, e.g. ``"hann"``; its id becomes ``plugin.name``.
        make: ``make(length, *, dtype, device, **parameters)`` gives a tensor (length,), or
            ``"package.module:function"`` naming such a function. A shape that has a symmetric and a
            periodic form is given in its periodic one.
        summary: one line on what it is good for.
        parameters: names, defaults and ranges of what may follow the name, as in ``"tukey:alpha=0.3"``.
        cola_overlaps: overlaps in [0, 1) at which its shifted copies sum to a constant, with default
            parameters and where ``length * (1 - overlap)`` is a whole number; not each such overlap need
            be named.
        nonnegative: whether no sample is below 0.
        cola_square_overlaps: overlaps at which, likewise, shifted copies of its square do: those at which it
            can be laid on twice, once before a process and once after it (analysis and synthesis).
    """

    name: str
    make: Callable[..., Any] | str
    summary: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    cola_overlaps: Sequence[float] = ()
    nonnegative: bool = True
    cola_square_overlaps: Sequence[float] = ()


@dataclass(frozen=True)
class ModelCard:
    """A separation model: what it is called, what goes in and out, and how to load it.

    Args:
        name: short name, e.g. ``"hpss"``; its id becomes ``plugin.name``.
        load: ``load(parameters, checkpoint, device)`` gives a ``torch.nn.Module`` ready for inference, or
            ``"package.module:function"`` naming such a function. ``parameters`` is an instance of the
            card's `parameters` type (``None`` without one), ``checkpoint`` a path or ``None``.
        summary: one line on what it does.
        stems: names of what comes out, in order, or a callable that gives them for given parameters.
        sample_rate: hertz that the model wants, ``None`` for any.
        channels: channels that the model wants, ``None`` for any.
        input_type: one of ``INPUT_TYPES``.
        output_type: one of ``OUTPUT_TYPES``.
        parameters: a frozen dataclass of the model's own settings, each with a default. One of type `NumFreqs` follows
            the transform.
        stft: the transform, for spectrogram types.
        chunk_seconds: length of a chunk in seconds.
        overlap: share of a chunk that overlaps the next, in [0, 1).
        window: overlap-add window, e.g. ``"hann"``.
        normalize: whether the mixture's mean and standard deviation are taken off around the model.
        context: ``"chunk"``, or ``"song"`` for a model that must see all of the song at once.
        needs_checkpoint: whether it cannot run without weights from a file.
        needs_references: whether it is a ceiling, made from the true stems: its module is called with them as a
            further, last argument, as it gets the mixture (waveforms, or spectrograms) with an axis ``stem`` after
            ``batch``; their names are those of its own stems, so that ``stems`` is empty.
        license: of the weights or the method, for the listing.
        paper: a citation.
        hook_api: version of this contract that the card was written for.
    """

    name: str
    load: Callable[..., Any] | str
    summary: str
    stems: Sequence[str] | Callable[..., Sequence[str]]
    sample_rate: int | None
    channels: int | None
    input_type: str
    output_type: str
    parameters: type | None = None
    stft: StftConfig | None = None
    chunk_seconds: float = 8.0
    overlap: float = 0.5
    window: str = "hann"
    normalize: bool = False
    context: str = "chunk"
    needs_checkpoint: bool = False
    needs_references: bool = False
    license: str | None = None
    paper: str | None = None
    hook_api: int = HOOK_API
