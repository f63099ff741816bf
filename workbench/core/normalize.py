"""Take the level off a mixture, and put it back on."""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio, NormalizationStats, NormalizedAudio
from workbench.core.chunk import check_waveform

SILENCE_STD = 1e-8
BLOCK_SAMPLES = 1 << 20  # the float64 copy of a block stays at 8 MiB a channel, however long the song


def normalize_audio(audio: Audio[Tensor]) -> NormalizedAudio:
    """Bring a mixture to zero mean and unit standard deviation, both taken of its mono downmix.

    Shapes:
        audio.data: (channel, time), likewise the result.

    See `measure_level` for songs whose downmix is silent. Real silence is returned as it is, with the stats
    (0, 1), so that `denormalize_audio` gives it back.
    """
    check_waveform(audio.data)
    stats = measure_level(audio.data.detach().split(BLOCK_SAMPLES, dim=-1))
    if stats == NormalizationStats(0.0, 1.0):
        return NormalizedAudio(audio, stats)
    return NormalizedAudio(Audio((audio.data - stats.mean) / stats.std, audio.sample_rate), stats)


def denormalize_audio(
    audio_data: Float[Tensor, "*axes time"], stats: NormalizationStats
) -> Float[Tensor, "*axes time"]:
    """``data * std + mean``: the inverse of `normalize_audio`.

    Several stems that are to sum to the mixture must share the mean: give each of N stems the stats
    ``NormalizationStats(mean / N, std)``.

    Shapes:
        audio_data: (..., time), likewise the result.
    """
    return audio_data * stats.std + stats.mean


def measure_level(blocks: Iterable[Float[Tensor, "channel _"]]) -> NormalizationStats:
    """Mean and unbiased standard deviation of a song's mono downmix, from blocks of it, summed in float64.

    Blocks are merged by the update of Chan, Golub and LeVeque (1979), so that a song read block by block
    gives the same stats as one in memory, and a large offset costs no precision.

    Where the downmix does not move (std <= 1e-8) there are two cases. Channels that cancel, such as
    left = -right, are no silence: their std is the root of the mean of the channels' variances. If the
    channels do not move either, nothing is to be taken off: the stats are (0, 1).

    Shapes:
        blocks: (channel, time) each, in order, any length.
    """
    count = 0
    mean = scatter = 0.0  # of the downmix; the scatter is the sum of squared deviations
    channel_mean = channel_scatter = None  # (channel,)
    for block in blocks:
        exact = block.double()
        added = exact.shape[-1]
        if added == 0:
            continue
        share = added / (count + added)
        weight = count * share

        downmix = exact.mean(dim=0)
        block_mean = float(downmix.mean())
        scatter += float((downmix - block_mean).square().sum()) + (block_mean - mean) ** 2 * weight
        mean += (block_mean - mean) * share

        means = exact.mean(dim=-1)  # (channel,)
        scatters = (exact - means.unsqueeze(-1)).square().sum(dim=-1)  # (channel,)
        if channel_mean is None or channel_scatter is None:
            channel_mean, channel_scatter = means, scatters
        else:
            channel_scatter = channel_scatter + scatters + (means - channel_mean).square() * weight
            channel_mean = channel_mean + (means - channel_mean) * share
        count += added

    if count < 2 or channel_scatter is None:
        return NormalizationStats(0.0, 1.0)  # one sample has no spread
    std = (scatter / (count - 1)) ** 0.5
    if std <= SILENCE_STD:
        std = float(channel_scatter.mean() / (count - 1)) ** 0.5
    if std <= SILENCE_STD:
        return NormalizationStats(0.0, 1.0)
    return NormalizationStats(mean, std)
