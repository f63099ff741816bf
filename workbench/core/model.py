"""Make any kind of model one that takes waveforms to stems: transform, model, mask, inverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor, nn

from workbench.core.mask import apply_mask
from workbench.core.settings import MaskingConfig, StftConfig
from workbench.core.spectrum import InverseStft, Stft
from workbench.errors import InvalidValue

INPUT_TYPES = ("waveform", "spectrogram", "waveform_and_spectrogram")
OUTPUT_TYPES = ("waveform", "spectrogram_mask", "spectrogram")


class ModelWaveformToWaveform(nn.Module):
    """A model between what prepares its inputs and what makes waveforms of its output.

    ``forward(chunk)`` is ``postprocess(model(*inputs), *inputs)`` with ``inputs = preprocess(chunk)``. It
    runs on the device of the model's parameters, or the chunk's where the model has none; the model gets its
    inputs in the dtype of its parameters, while ``postprocess`` gets them in full precision.

    Args:
        model: the network.
        preprocess: chunk -> tuple of the model's inputs.
        postprocess: (model's output, *inputs) -> waveforms.
        stages: the single stages behind both, where they are known; the pipeline runs them one by one.

    Shapes:
        (batch, channel, time) -> (batch, stem, channel, time)
    """

    def __init__(
        self,
        model: nn.Module,
        preprocess: Callable[[Tensor], tuple[Tensor, ...]],
        postprocess: Callable[..., Tensor],
        *,
        stages: ModelStages | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.preprocess = preprocess
        self.postprocess = postprocess
        self.stages = stages

    def forward(self, chunk: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch stem channel time"]:
        """Separate a batch of chunks."""
        inputs = self.preprocess(self.place(chunk))
        return self.postprocess(self.run_model(*inputs), *inputs)

    def place(self, chunk: Tensor) -> Tensor:
        """The chunk on the device of the model's parameters."""
        parameter = next(self.model.parameters(), None)
        return chunk if parameter is None else chunk.to(parameter.device)

    def run_model(self, *inputs: Tensor) -> Any:
        """The model alone, on inputs in the dtype of its parameters; what it gives is the caller's to check."""
        parameter = next((p for p in self.model.parameters() if p.is_floating_point()), None)
        if parameter is not None:
            inputs = tuple(value.to(parameter.dtype) for value in inputs)
        return self.model(*inputs)


class ModelStages(nn.Module):
    """What lies before and after a model of a given input and output type, stage by stage.

    ===========================  ============  ==================================  ====================
    input \\ output               waveform      spectrogram_mask                    spectrogram
    ===========================  ============  ==================================  ====================
    waveform w                   model(w)      mask of model(w) applied to STFT(w)  inverse of model(w)
    spectrogram S                model(S)      mask of model(S) applied to S        inverse of model(S)
    waveform_and_spectrogram     model(S, w)   mask of model(S, w) applied to S     inverse of model(S, w)
    ===========================  ============  ==================================  ====================

    Args:
        input_type: what the model takes.
        output_type: what it gives.
        stft: the transform, for every type but waveform.
        num_channels: channels of a chunk.
        chunk_size: samples of a chunk.
        masking: precision of the mask's product.
        keeps_mixture: whether the mixture's spectrogram is wanted though neither model nor mask needs it.

    Raises:
        InvalidValue: an unknown type, or a spectrogram type without a transform; later, when called, a chunk,
            mask or spectrogram of another shape.
    """

    def __init__(
        self,
        *,
        input_type: str,
        output_type: str,
        stft: StftConfig | None,
        num_channels: int,
        chunk_size: int,
        masking: MaskingConfig | None = None,
        keeps_mixture: bool = False,
    ) -> None:
        super().__init__()
        if input_type not in INPUT_TYPES:
            raise InvalidValue(f"model_input_type must be one of {', '.join(INPUT_TYPES)}, got {input_type!r}")
        if output_type not in OUTPUT_TYPES:
            raise InvalidValue(f"model_output_type must be one of {', '.join(OUTPUT_TYPES)}, got {output_type!r}")
        self.input_type, self.output_type = input_type, output_type
        self.num_channels, self.chunk_size = num_channels, chunk_size
        self.masking = masking or MaskingConfig()
        self.masks = output_type == "spectrogram_mask"
        self.transforms = self.masks or input_type != "waveform" or keeps_mixture
        self.inverts = output_type != "waveform"
        if (self.transforms or self.inverts) and stft is None:
            raise InvalidValue(f"a model from {input_type} to {output_type} needs stft_cfg, a StftConfig, got None")
        self.stft = Stft(stft) if stft is not None and self.transforms else None
        self.inverse_stft = InverseStft(stft, chunk_size) if stft is not None and self.inverts else None

    def transform(self, chunk: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch rows frame 2"]:
        """STFT of a chunk: (batch, freq * channel, frame, 2)."""
        if tuple(chunk.shape[1:]) != (self.num_channels, self.chunk_size):
            raise InvalidValue(
                f"a chunk must be (batch, channel, time) = (batch, {self.num_channels}, {self.chunk_size}), "
                f"got {tuple(chunk.shape)}"
            )
        return cast(Tensor, cast(Stft, self.stft)(chunk))

    def model_inputs(self, chunk: Tensor, spectrogram: Tensor | None) -> tuple[Tensor, ...]:
        """What the model is called with: (S), (w) or (S, w)."""
        if self.input_type == "waveform":
            return (chunk,)
        return (
            cast(Tensor, spectrogram),
            *((chunk,) if self.input_type == "waveform_and_spectrogram" else ()),
        )

    def mask(
        self, mask: Float[Tensor, "batch stem rows frame 2"], spectrogram: Float[Tensor, "batch rows frame 2"]
    ) -> Float[Tensor, "batch stem rows frame 2"]:
        """The mask applied to the mixture's spectrogram."""
        batch, *bins = spectrogram.shape
        # without this a mask that lacks its stem axis would be broadcast, with the batch taken for stems
        if mask.ndim != 5 or [mask.shape[0], *mask.shape[2:]] != [batch, *bins]:
            raise InvalidValue(
                f"a mask must be (batch, stem, freq * channel, frame, 2) = ({batch}, stem, "
                f"{', '.join(map(str, bins))}), got {tuple(mask.shape)}"
            )
        return apply_mask(spectrogram.unsqueeze(1), mask, self.masking.add_sub_dtype, self.masking.out_dtype)

    def inverse(
        self, spectrograms: Float[Tensor, "batch stem rows frame 2"]
    ) -> Float[Tensor, "batch stem channel time"]:
        """Waveforms of exactly ``chunk_size`` samples, float32 at least."""
        inverse_stft = cast(InverseStft, self.inverse_stft)
        rows = inverse_stft.config.num_freqs * self.num_channels
        if spectrograms.ndim != 5 or spectrograms.shape[2] != rows:
            raise InvalidValue(
                f"spectrograms must be (batch, stem, freq * channel, frame, 2) = (batch, stem, {rows}, "
                f"{inverse_stft.num_frames}, 2), got {tuple(spectrograms.shape)}"
            )
        return cast(Tensor, inverse_stft(spectrograms))

    def preprocess(self, chunk: Tensor) -> tuple[Tensor, ...]:
        """Chunk -> the model's inputs."""
        needs_spectrogram = self.input_type != "waveform"
        return self.model_inputs(chunk, self.transform(chunk) if needs_spectrogram else None)

    def postprocess(self, output: Tensor, *inputs: Tensor) -> Tensor:
        """The model's output and its inputs -> waveforms."""
        if self.masks:
            output = self.mask(output, self.transform(inputs[0]) if self.input_type == "waveform" else inputs[0])
        return self.inverse(output) if self.inverts else output


def create_w2w_model(
    model: nn.Module,
    model_input_type: str,
    model_output_type: str,
    stft_cfg: StftConfig | None,
    num_channels: int,
    chunk_size: int,
    masking_cfg: MaskingConfig,
) -> ModelWaveformToWaveform:
    """Wrap a model of any input and output type into one from waveform to waveform.

    Spectrogram models see (batch, freq * channel, frame, 2), frequency outer and channel inner, and give
    (batch, stem, freq * channel, frame, 2); `ModelStages` has the table of all pairs.

    Args:
        model: the network; it is not changed and not moved.
        model_input_type: ``waveform``, ``spectrogram`` or ``waveform_and_spectrogram``.
        model_output_type: ``waveform``, ``spectrogram_mask`` or ``spectrogram``.
        stft_cfg: the transform; ``None`` only for waveform to waveform.
        num_channels: channels of a chunk.
        chunk_size: samples of a chunk.
        masking_cfg: precision of the mask's product.

    Raises:
        InvalidValue: an unknown type, or a spectrogram type without ``stft_cfg``.
    """
    stages = ModelStages(
        input_type=model_input_type,
        output_type=model_output_type,
        stft=stft_cfg,
        num_channels=num_channels,
        chunk_size=chunk_size,
        masking=masking_cfg,
    )
    parameter = next(model.parameters(), None)
    if parameter is not None:
        stages.to(parameter.device)
    return ModelWaveformToWaveform(model, stages.preprocess, stages.postprocess, stages=stages)
