"""From a request and a song to a plan: every setting decided, checked and loaded before any audio is computed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn

from workbench.core.audio import Audio
from workbench.core.dtype import str_to_torch_dtype
from workbench.core.grid import ChunkGrid, hop_from_overlap
from workbench.core.model import ModelStages, ModelWaveformToWaveform
from workbench.core.settings import MaskingConfig, StftConfig
from workbench.core.stitch import normalized_window
from workbench.pipeline.config import RunConfig
from workbench.pipeline.decision import Decision, decide
from workbench.pipeline.network import load_model
from workbench.pipeline.request import Request
from workbench.registry import make_window
from workbench.registry.cards import ModelCard


@dataclass(frozen=True, eq=False)
class Plan(Decision):
    """All that a run needs: what was decided, with the model loaded and the overlap-add window made."""

    request: Request
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


def make_plan(song: Audio[Tensor], request: Request, *, network_of: Plan | None = None) -> Plan:
    """Decide everything for ``song``.

    Args:
        song: (channel, time) as loaded; its rate, channels and length fill what nobody else decides.
        request: what the caller asked for.
        network_of: an earlier plan whose loaded model may serve again if its parameters are the same.

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
    config, card = decision.config, decision.card
    stages = ModelStages(
        input_type=card.input_type,
        output_type=card.output_type,
        stft=make_stft(config, card),
        num_channels=decision.num_channels,
        chunk_size=decision.chunk_size,
        keeps_mixture=decision.filters,
        masking=MaskingConfig(
            *(None if name is None else str_to_torch_dtype(name) for name in vars(config.masking).values())
        ),
    )
    shape = request.window if isinstance(request.window, Tensor) else cast(str, config.chunking.window_shape)
    window = make_window(shape, length=stages.chunk_size, dtype=torch.float32)
    overlap = cast(float, config.chunking.overlap_ratio)
    grid = ChunkGrid.from_overlap(max(1, decision.num_samples), stages.chunk_size, overlap)
    normalized_window(grid, window)  # complains of a window that sums to nothing, before any work

    if network_of is not None and _is_same_network(network_of, request, decision):
        model = network_of.network.model
    else:
        model = load_model(decision, request)
    stages.to(decision.device)
    return Plan(
        **vars(decision),
        request=request,
        network=ModelWaveformToWaveform(model, stages.preprocess, stages.postprocess, stages=stages),
        window=window,
    )


def make_stft(config: RunConfig, card: ModelCard) -> StftConfig | None:
    """The transform of the effective document, if there is one; any registered window may shape its frames."""
    if card.stft is None and config.transform.n_fft is None:
        return None
    given = {key: value for key, value in config.transform.model_dump().items() if value is not None}
    if "n_fft" in given:
        given.setdefault("win_length", given["n_fft"])
        given.setdefault("hop_length", given["n_fft"] // 4)
    if given.get("conv_dtype") is not None:
        given["conv_dtype"] = str_to_torch_dtype(given["conv_dtype"])
    if card.stft is not None and isinstance(card.stft.window_shape, Tensor):
        given.setdefault("window_shape", card.stft.window_shape)  # which no document can hold
    stft = StftConfig(**given)
    if isinstance(stft.window_shape, str):
        shape = make_window(stft.window_shape, length=stft.win_length, dtype=torch.float32)
        stft = dataclasses.replace(stft, window_shape=shape)
    return stft


def _is_same_network(plan: Plan, request: Request, decision: Decision) -> bool:
    """Whether the network of an earlier plan is what this request would load."""
    settings = ("force_weights_dtype", "compile_model")
    return (
        plan.request.model is request.model
        and plan.request.checkpoint == request.checkpoint
        and (plan.card is decision.card or isinstance(request.model, nn.Module))  # or it was registered anew
        and plan.parameters == decision.parameters
        and plan.device == decision.device
        and all(getattr(plan.config.inference, name) == getattr(decision.config.inference, name) for name in settings)
    )
