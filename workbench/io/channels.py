"""From one number of channels to another, where there is one agreed way."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import MOST_CHANNELS
from workbench.errors import AudioFileError, InvalidValue

# ITU-R BS.775-3, table 2 (3/2 to 2/0): left and right take the centre and their own surround at
# -3 dB. The low-frequency channel is left out, as the recommendation does.
_MINUS_3_DB = 0.5**0.5
# Columns in WAV order: L R C LFE Ls Rs.
_STEREO_FROM_5_1 = (
    (1.0, 0.0, _MINUS_3_DB, 0.0, _MINUS_3_DB, 0.0),
    (0.0, 1.0, _MINUS_3_DB, 0.0, 0.0, _MINUS_3_DB),
)


def check_num_channels(path: Path, num_channels: int) -> None:
    """Raise AudioFileError for a file of more channels than any recording has, before room is made for them."""
    if num_channels > MOST_CHANNELS:
        raise AudioFileError(
            f"{path}: has {num_channels} channels, expected at most {MOST_CHANNELS}; was it written from an array "
            "(channel, time) where (time, channel) was expected?"
        )


def check_conversion(num_channels: int, *, channels: int) -> None:
    """Raise InvalidValue unless `convert_channels` can make `channels` out of `num_channels`."""
    if channels in (1, num_channels) or (num_channels, channels) in ((1, 2), (6, 2)):
        return
    possible = ["1 (the mean)", f"{num_channels} (as they are)"]
    if num_channels == 6:
        possible.insert(1, "2 (ITU-R BS.775 downmix)")
    if num_channels == 1:
        possible = ["1 (as it is)", "2 (doubled)"]
    raise InvalidValue(f"cannot make {channels} channels out of {num_channels}; possible: {', '.join(possible)}")


def convert_channels(data: Float[Tensor, "channel time"], *, channels: int) -> Float[Tensor, "out time"]:
    """Give `data` another number of channels.

    1 is the mean of all channels; 2 out of 1 doubles it; 2 out of 6 (L R C LFE Ls Rs, the order of a
    WAV file) is the downmix of ITU-R BS.775-3: L + 0.7071 C + 0.7071 Ls, likewise right, without LFE.
    Its level is not brought down afterwards, so it may go beyond 1.

    Args:
        data: (channel, time).
        channels: how many are wanted.

    Shapes:
        (channel, time) -> (channels, time); `data` itself when the number is the same.

    Raises:
        InvalidValue: there is no agreed way; the message lists what is possible.
    """
    num_channels, _ = data.shape
    check_conversion(num_channels, channels=channels)
    if channels == num_channels:
        return data
    if channels == 1:
        return data.mean(dim=0, keepdim=True)  # (1, time)
    if num_channels == 1:
        return data.repeat(2, 1)  # (2, time)
    matrix = torch.tensor(_STEREO_FROM_5_1, dtype=data.dtype, device=data.device)  # (2, 6)
    return matrix @ data  # (2, time)
