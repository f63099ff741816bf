"""The named steps of a run, in order, each a pure function of what came before.

=============  ===================================  =====================================================
step           what goes out                        notes
=============  ===================================  =====================================================
load           (channel, time)                      as in the file
conform        (channel, time)                      channels and sample rate the model wants
normalize      (channel, time), stats               off unless config or card says so
chunk          (chunk, channel, time), grid
transform      (chunk, freq * channel, frame, 2)    spectrogram models and masks only
model          as the model's output type
mask           (chunk, stem, freq * channel,        masking models only
               frame, 2)
wiener         (chunk, stem, freq * channel,        multichannel Wiener filter, where asked for
               frame, 2)
inverse        (chunk, stem, channel, time)         where the model gives a mask or spectrogram
stitch         (stem, channel, time)                overlap-add, divided by the window sum
denormalize    (stem, channel, time)                each of N stems gets std * s + mean / N
restore        (stem, channel, time)                the song's rate, channels and exact length
derive         name -> (channel, time)              from the original mixture and the restored stems
=============  ===================================  =====================================================
"""

from __future__ import annotations

import math
from os import PathLike
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio, NormalizationStats, NormalizedAudio, check_channels_first
from workbench.core.normalize import BLOCK_SAMPLES, denormalize_audio, normalize_audio
from workbench.core.stems import derive_stems
from workbench.core.wiener import add_residual, wiener_filter
from workbench.errors import InvalidType, InvalidValue, ModelError
from workbench.pipeline.network import evaluating
from workbench.pipeline.plan import Plan

SONG_STEPS = ("load", "conform", "normalize")
CHUNK_STEPS = ("chunk", "transform", "model", "mask", "wiener", "inverse")
STEM_STEPS = ("stitch", "denormalize", "restore", "derive")
LOUDEST_INPUT = 1e12  # squares of the sums of a long transform of what is beyond may pass float32's 3.4e38
LOUDEST_FLOAT = 256.0  # 48 dB above full scale; whole numbers beyond are integers that nobody scaled
STEPS = (*SONG_STEPS, *CHUNK_STEPS, *STEM_STEPS)


def list_steps(plan: Plan) -> tuple[str, ...]:
    """The steps that a plan's model has."""
    stages = plan.stages
    present = {
        "transform": stages.transforms,
        "mask": stages.masks,
        "wiener": plan.filters,
        "inverse": stages.inverts,
    }
    return tuple(step for step in STEPS if present.get(step, True))


def load_song(song: Audio[Tensor] | str | PathLike[str]) -> Audio[Tensor]:
    """Step ``load``: the song as float32 (channel, time), checked.

    Raises:
        AudioFileError: a file that cannot be read.
        InvalidType: neither audio nor a path, or samples that are no floats.
        InvalidValue: another shape, no samples, NaN or infinity, a sample rate below 1.
    """
    if isinstance(song, str | PathLike):
        from workbench.io.read import load

        return load(song)
    if not isinstance(song, Audio):
        raise InvalidType(f"a song must be a path or wb.Audio(tensor, sample_rate), got {describe_samples(song)}")
    data: object = torch.from_numpy(song.data) if isinstance(song.data, np.ndarray) else song.data
    if not isinstance(data, Tensor):
        raise InvalidType(f"audio data must be a torch tensor (channel, time), got {type(data).__name__}")
    if not data.is_floating_point():
        raise InvalidType(f"audio samples must be floats in [-1, 1], got {data.dtype}: divide by full scale first")
    if data.ndim != 2 or 0 in data.shape:
        raise InvalidValue(
            f"audio must be (channel, time) with at least 1 sample, got {tuple(data.shape)}"
            + ("; one channel is audio.unsqueeze(0)" if data.ndim == 1 else "")
        )
    check_channels_first(data.shape, role="audio")
    if isinstance(song.sample_rate, bool) or not isinstance(song.sample_rate, int):
        raise InvalidType(f"sample_rate must be a whole number of hertz, got {song.sample_rate!r}")
    if song.sample_rate < 1:
        raise InvalidValue(f"sample_rate must be at least 1 Hz, got {song.sample_rate}")
    data = data.detach().to("cpu", torch.float32)
    check_finite(data, song.sample_rate)  # after the conversion, which what is beyond float32 does not survive
    return Audio(data, song.sample_rate)


def describe_samples(given: object) -> str:
    """What was given in place of `Audio`, with its shape: ``"a numpy array of shape (2, 44100)"``."""
    if isinstance(given, tuple | list) and 0 < len(given) <= 2 and hasattr(given[0], "shape"):
        return f"{type(given).__name__} of {', '.join(map(describe_samples, given))}"  # such as librosa.load gives
    if isinstance(given, int | float):
        return f"{given}"
    if isinstance(given, np.ndarray | Tensor):
        what = "a tensor" if isinstance(given, Tensor) else "a numpy array"
        return f"{what} of shape {tuple(given.shape)}"
    return type(given).__name__


def note_load(song: Audio[Tensor]) -> list[str]:
    """What the user should know of the step ``load``: samples that are integers in disguise, as scipy gives them."""
    low, high = (float(end) for end in torch.aminmax(song.data))
    peak = max(-low, high)
    if peak <= LOUDEST_FLOAT or not is_whole(song.data):
        return []
    bits = next((bits for bits in (16, 24, 32) if peak <= 2 ** (bits - 1)), None)
    if bits is None:
        return []
    return [
        f"the samples are whole numbers up to {peak:.0f}, as {bits}-bit integers are, and full scale is 1: divide them "
        f"by {2 ** (bits - 1)}, or models hear it far too loud"
    ]


def is_whole(data: Float[Tensor, "channel time"]) -> bool:
    """Whether all samples are whole numbers; a block at a time, so that no second song is made."""
    return all(torch.equal(block, block.round()) for block in data.split(BLOCK_SAMPLES, dim=-1))


def check_finite(data: Tensor, sample_rate: int) -> None:
    """Raise `InvalidValue` that says where the first NaN or infinity is."""
    if is_finite(data):
        return
    bad = (~data.isfinite()).any(dim=0).nonzero()
    sample = int(bad[0])
    channel = int((~data[:, sample].isfinite()).nonzero()[0])
    raise InvalidValue(
        f"the audio has {float(data[channel, sample])} at sample {sample} ({sample / sample_rate:.3f} s) of channel "
        f"{channel}: mend or cut it before separating"
    )


def is_finite(values: Tensor) -> bool:
    """Whether there is neither NaN nor infinity.

    Either shows in the sum, which takes one pass and no memory; only where the sum itself overflows must each value be
    looked at.
    """
    return math.isfinite(float(values.sum())) or bool(values.isfinite().all())


def conform(song: Audio[Tensor], plan: Plan) -> Audio[Tensor]:
    """Step ``conform``: the song at the model's channels and rate.

    Raises:
        InvalidValue: channels that no rule turns into the model's.
    """
    data = match_channels(song.data, plan.num_channels)
    if plan.sample_rate != song.sample_rate:
        from workbench.io.resample import resample

        data = resample(data, from_rate=song.sample_rate, to_rate=plan.sample_rate)
    return Audio(data, plan.sample_rate)


def note_conform(song: Audio[Tensor], plan: Plan) -> list[str]:
    """What the user should know of the step ``conform``, whether it runs or an earlier run's output serves again."""
    given = song.data.shape[0]
    if given == plan.num_channels:
        return []
    kind = "mono was doubled" if given == 1 else "stereo was averaged to mono"
    return [f"{kind} for {plan.model_id}; stems come back with the song's {given} channel(s)"]


def match_channels(data: Float[Tensor, "*axes time"], num_channels: int) -> Float[Tensor, "*axes2 time"]:
    """Mono doubled or stereo averaged, on the axis before the last.

    Shapes:
        (..., channel, time) -> (..., num_channels, time)
    """
    given = data.shape[-2]
    if given == num_channels:
        return data
    if given == 1:
        return data.repeat_interleave(num_channels, dim=-2)
    if num_channels == 1 and given == 2:
        return data.mean(dim=-2, keepdim=True)
    raise InvalidValue(
        f"the song has {given} channels and the model takes {num_channels}: "
        "say how to mix them, by --channels 1 or 2 (in Python: workbench.load(path, channels=2))"
    )


def normalize(song: Audio[Tensor], plan: Plan) -> NormalizedAudio:
    """Step ``normalize``: level off, where config or card asks for it; else the song as it is."""
    if plan.normalizes:
        return normalize_audio(song)
    return NormalizedAudio(song, NormalizationStats(0.0, 1.0))


def denormalize(stems: Float[Tensor, "stem channel time"], stats: NormalizationStats, plan: Plan) -> Tensor:
    """Step ``denormalize``: level back on.

    Each of the model's N stems gets ``mean / N``, so that they sum to the mixture.
    """
    if stats == NormalizationStats(0.0, 1.0):
        return stems
    return denormalize_audio(stems, NormalizationStats(stats.mean / len(plan.stem_names), stats.std))


def restore(stems: Float[Tensor, "stem channel time"], song: Audio[Tensor], plan: Plan) -> Tensor:
    """Step ``restore``: the song's own rate, channels and exact length.

    Shapes:
        (stem, channel, time) of the model -> (stem, channel, time) of the song
    """
    num_channels, num_samples = song.data.shape
    if plan.sample_rate != song.sample_rate:
        from workbench.io.resample import resample

        flat = resample(
            stems.flatten(0, 1), from_rate=plan.sample_rate, to_rate=song.sample_rate, num_samples=num_samples
        )
        stems = flat.view(*stems.shape[:2], num_samples)
    return match_channels(stems, num_channels)


def derive(stems: Tensor, song: Audio[Tensor], plan: Plan) -> dict[str, Tensor]:
    """Step ``derive``: the stems asked for and the derived ones by name, without those that only rules needed."""
    computed = {plan.stem_names[index]: stem for index, stem in zip(plan.selected, stems, strict=True)}
    derived = derive_stems(computed, song.data, plan.rules)
    return {name: stem for name, stem in derived.items() if name in plan.requested or name in plan.rules}


def run_model(plan: Plan, chunks: Tensor, spectrogram: Tensor | None, references: Tensor | None) -> Tensor:
    """Step ``model``: the network's own output for a batch, with all of its stems."""
    inputs = (*plan.stages.model_inputs(chunks, spectrogram), *(() if references is None else (references,)))
    autocast = torch.autocast(plan.device.type, dtype=plan.autocast_dtype, enabled=plan.autocast_dtype is not None)
    try:
        with evaluating(plan.network.model), autocast:
            output: object = plan.network.run_model(*inputs)
    except SystemExit as error:  # or the program would end here, perhaps with the status of success
        raise ModelError(
            f"{plan.model_id} ended the program with status {error.code}; it must raise an error"
        ) from error
    if not isinstance(output, Tensor):
        raise ModelError(f"{plan.model_id} must give a tensor, got {type(output).__name__}")
    return output


def filter_stems(plan: Plan, stems: Tensor, mixture: Tensor) -> Tensor:
    """Step ``wiener``: spectrograms of all stems refined by EM steps of the local Gaussian model.

    Where config asks for a residual, and beside a stem that is alone, what the stems leave of the mixture is a further
    source, so that they need not share it out among themselves.

    Shapes:
        stems: (batch, stem, freq * channel, frame, 2); mixture: (batch, freq * channel, frame, 2); returns as stems.
    """
    wiener = plan.config.wiener
    num_stems = stems.shape[1]
    sources = add_residual(stems, mixture) if wiener.residual or num_stems == 1 else stems
    refined = wiener_filter(
        sources,
        mixture,
        num_channels=plan.num_channels,
        iterations=cast(int, wiener.iterations),
        window_frames=wiener.window_frames,
        eps=wiener.eps,
    )
    return refined[:, :num_stems]


def check_output(
    plan: Plan, output: Tensor, chunks: range, expected: tuple[int | None, ...], *, song: Tensor | None = None
) -> None:
    """Raise `ModelError` unless the model gave what it promised: the right shape, and finite values.

    Where they are not finite and the song is so loud that its power is beyond float32, `InvalidValue` says that.

    Args:
        plan: of the run.
        output: (batch, stem, ...), as the model gave it.
        chunks: which chunks these are, for the message.
        expected: the shape it must have; ``None`` for an axis that may have any length.
        song: what the model was given chunks of.
    """
    which = f"chunk {chunks[0]}" if len(chunks) == 1 else f"chunks {chunks[0]} to {chunks[-1]}"
    shape = tuple(output.shape)
    fits = len(shape) == len(expected) and all(e is None or e == s for s, e in zip(shape, expected, strict=True))
    if not fits:
        names = ", ".join(plan.stem_names)
        raise ModelError(
            f"{plan.model_id} gave {shape} for {which}, expected {expected} "
            f"(batch, stem, ...) with {len(plan.stem_names)} stems ({names})"
        )
    if not output.is_floating_point():
        raise ModelError(f"{plan.model_id} gave {output.dtype} for {which}, expected floating-point values")
    if not is_finite(output):
        peak = 0.0 if song is None else float(torch.linalg.vector_norm(song, ord=math.inf))
        if peak > LOUDEST_INPUT:
            raise InvalidValue(
                f"the song reaches {peak:.3g}, where full scale is 1, and overflows float32 inside of {plan.model_id} "
                f"({which}): scale it down, as in wb.Audio(audio.data / {peak:.3g}, audio.sample_rate)"
            )
        raise ModelError(
            f"{plan.model_id} gave NaN or infinity for {which}, output {shape}: "
            "check the checkpoint and the precision (float16 overflows beyond 65504)"
        )
