"""From a request and a song to a plan: every setting decided, checked and loaded before any audio is computed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import psutil
import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.dtype import str_to_torch_dtype
from workbench.core.grid import ChunkGrid, hop_from_overlap
from workbench.core.model import ModelStages, ModelWaveformToWaveform
from workbench.core.settings import MaskingConfig, StftConfig
from workbench.core.stitch import normalized_window
from workbench.errors import InvalidValue
from workbench.pipeline.config import RunConfig
from workbench.pipeline.decision import Decision, decide
from workbench.pipeline.network import LoadedNetwork, NetworkKeeper
from workbench.pipeline.request import Request
from workbench.registry import make_window
from workbench.registry.cards import ModelCard


@dataclass(frozen=True, eq=False)
class Plan(Decision):
    """All that a run needs: what was decided, with the model loaded and the overlap-add window made."""

    request: Request
    loaded: LoadedNetwork
    network: ModelWaveformToWaveform
    window: Tensor

    @cached_property
    def stages(self) -> ModelStages:
        """Transform, mask and inverse of this model and chunk."""
        return cast(ModelStages, self.network.stages)

    @property
    def batch_size(self) -> int:
        """Chunks that go through the model together."""
        return cast(int, self.config.inference.batch_size)

    @property
    def hop_size(self) -> int:
        """Samples from one chunk to the next."""
        return hop_from_overlap(self.chunk_size, cast(float, self.config.chunking.overlap_ratio))

    @property
    def padding_mode(self) -> str:
        """What the song is padded with."""
        return cast(str, self.config.chunking.padding_mode)

    @property
    def normalizes(self) -> bool:
        """Whether the mixture's level is taken off around the model."""
        return bool(self.config.normalization.enabled)

    @property
    def window_name(self) -> str:
        """The overlap-add window as it was asked for."""
        given = self.config.chunking.window_shape
        return "a tensor" if given is None or isinstance(self.request.window, Tensor) else given

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        """Precision of the model's autocast, if any."""
        name = self.config.inference.use_autocast_dtype
        return None if name is None else str_to_torch_dtype(name)

    def grid(self, num_samples: int) -> ChunkGrid:
        """Where the chunks of a song of ``num_samples`` (at the model's rate) lie."""
        return ChunkGrid(num_samples, self.chunk_size, self.hop_size)


def make_plan(song: Audio[Tensor], request: Request, *, networks: NetworkKeeper | None = None) -> Plan:
    """Decide everything for ``song``.

    Args:
        song: (channel, time) as loaded; its rate, channels and length fill what nobody else decides.
        request: what the caller asked for.
        networks: whose network may serve again; one that was loaded for something else is let go.

    Raises:
        InvalidValue, InvalidType: a setting that cannot be, before any work.
        CheckpointError, ModelError, PluginError: a model that does not load.
    """
    decision = decide(
        request,
        song_rate=song.sample_rate,
        song_channels=song.data.shape[0],
        song_samples=song.data.shape[1],
    )
    stft, window = check_shapes(decision, request)
    card = decision.card
    stages = ModelStages(
        input_type=card.input_type,
        output_type=card.output_type,
        stft=stft,
        num_channels=decision.num_channels,
        chunk_size=decision.chunk_size,
        keeps_mixture=decision.filters,
        masking=MaskingConfig(
            *(None if name is None else str_to_torch_dtype(name) for name in vars(decision.config.masking).values())
        ),
    )
    loaded = (networks or NetworkKeeper()).load(decision, request)
    stages.to(decision.device)
    return Plan(
        **vars(decision),
        request=request,
        loaded=loaded,
        network=ModelWaveformToWaveform(loaded.module, stages.preprocess, stages.postprocess, stages=stages),
        window=window,
    )


def check_shapes(decision: Decision, request: Request) -> tuple[StftConfig | None, Tensor]:
    """The transform, if there is one, and the overlap-add window, (chunk_size,), before anything is loaded.

    Raises:
        InvalidValue, InvalidType: a transform or window that cannot be, or windows that sum to nothing.
    """
    check_chunk_memory(decision)
    stft = make_stft(decision.config, decision.card)
    chunking = decision.config.chunking
    shape = request.window if isinstance(request.window, Tensor) else cast(str, chunking.window_shape)
    window = make_window(shape, length=decision.chunk_size, dtype=torch.float32)
    overlap = cast(float, chunking.overlap_ratio)
    grid = ChunkGrid.from_overlap(max(1, decision.num_samples), decision.chunk_size, overlap)
    normalized_window(grid, window)  # complains of a window that sums to nothing
    return stft, window


def check_chunk_memory(decision: Decision) -> None:
    """Raise `InvalidValue` for chunks that no memory holds: the window, a chunk of the song and of each stem."""
    rows = 1 + decision.num_channels * (1 + len(decision.stem_names))
    needed = 4 * rows * decision.chunk_size  # bytes of float32
    available = psutil.virtual_memory().available
    if decision.card.context == "chunk" and needed > available:
        seconds = decision.chunk_size / decision.sample_rate
        raise InvalidValue(
            f"chunk_seconds {seconds:.6g} (model.chunk_size {decision.chunk_size}) needs at least "
            f"{needed / 1e9:.3g} GB of memory for a chunk and its stems, and {available / 1e9:.3g} GB are free: give "
            "fewer seconds"
        )


def make_stft(config: RunConfig, card: ModelCard) -> StftConfig | None:
    """The transform of the effective document, if there is one; any registered window may shape its frames."""
    if card.stft is None and config.transform.n_fft is None:
        return None
    given = {key: value for key, value in config.transform.model_dump().items() if value is not None}
    if "n_fft" in given:
        given.setdefault("win_length", given["n_fft"])
        given.setdefault("hop_length", max(1, given["n_fft"] // 4))
    if given.get("conv_dtype") is not None:
        given["conv_dtype"] = str_to_torch_dtype(given["conv_dtype"])
    if card.stft is not None and isinstance(card.stft.window_shape, Tensor):
        given.setdefault("window_shape", card.stft.window_shape)  # which no document can hold
    stft = StftConfig(**given)
    if isinstance(stft.window_shape, str):
        shape = make_window(stft.window_shape, length=stft.win_length, dtype=torch.float32)
        stft = dataclasses.replace(stft, window_shape=shape)
    return stft
