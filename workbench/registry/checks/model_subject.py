"""The model under check: its network, loaded once, and what is fed to it."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from os import PathLike
from typing import Any, cast

import torch
from torch import Tensor, nn

from workbench.core.model import ModelStages, ModelWaveformToWaveform, create_w2w_model
from workbench.core.settings import MaskingConfig
from workbench.errors import InvalidType, InvalidValue
from workbench.registry import make_window
from workbench.registry.cards import ModelCard
from workbench.registry.checks.harness import Subject, fail, require_card
from workbench.registry.references import resolve_callable
from workbench.registry.validate import list_stems

ANY_RATE = 44100  # hertz, for a model that takes every rate
SHORT_CHUNK = 8192  # samples: enough for a few frames of most transforms, and quick
FRAMES_IN_SHORT_CHUNK = 4
REFERENCE_NAMES = ("loud", "soft")  # of the stems that a model made from references is given


class ModelSubject(Subject):
    """A model, and what its checks share.

    Args:
        card: the model's card.
        parameters: an instance of ``card.parameters``; its defaults if ``None``.
        checkpoint: path of its weights, if any.
        device: where it runs.
        card_module: the module that registers the card, if that is known.

    Raises:
        InvalidType: a card or parameters of another type.
        InvalidValue: a device that torch does not know.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        parameters: object = None,
        checkpoint: str | PathLike[str] | None = None,
        device: str = "cpu",
        card_module: str | None = None,
    ) -> None:
        require_card(card, ModelCard)
        if parameters is not None and not (
            isinstance(card.parameters, type) and isinstance(parameters, card.parameters)
        ):
            kind = getattr(card.parameters, "__name__", "None, as the card has no parameters")
            raise InvalidType(f"parameters of {card.name} must be {kind}, got {type(parameters).__name__}")
        super().__init__(str(card.name))
        self.card = card
        self.given_parameters = parameters
        self.checkpoint = checkpoint
        try:
            self.device = torch.device(device)
        except RuntimeError as error:
            raise InvalidValue(f"device must be a name such as cpu or cuda:0, got {device!r}") from error
        self.card_module = card_module

    @cached_property
    def parameters(self) -> object:
        """What ``load`` gets: the parameters given, or the card's defaults."""
        if self.given_parameters is None and self.card.parameters is not None:
            return self.card.parameters()
        return self.given_parameters

    def load(self) -> nn.Module:
        """A network as ``load`` gives it, anew at each call."""
        load = resolve_callable(self.card.load, field=f"load of model {self.card.name!r}")
        network: object = load(self.parameters, self.checkpoint, self.device)
        if not isinstance(network, nn.Module):
            fail(f"load must give a torch.nn.Module, got {type(network).__name__}: return the network")
        return network

    @cached_property
    def loaded(self) -> nn.Module:
        """The first network, as it was loaded."""
        return self.load()

    @cached_property
    def network(self) -> nn.Module:
        """The network that most checks run, in evaluation mode on the device even if ``load`` forgot that."""
        return self.loaded.eval().to(self.device)

    @cached_property
    def stem_names(self) -> tuple[str, ...]:
        """The stems that the card declares for these parameters; those of the references, if it is made from them."""
        if self.card.needs_references:
            return REFERENCE_NAMES
        return list_stems(self.card, parameters=self.parameters)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which a separation feeds the network: that of its weights, else float32."""
        weights = (one.dtype for one in self.network.parameters() if one.is_floating_point())
        return next(weights, torch.float32)

    @property
    def sample_rate(self) -> int:
        """Hertz."""
        return self.card.sample_rate or ANY_RATE

    @property
    def channel_counts(self) -> tuple[int, ...]:
        """The numbers of channels that the card declares: mono and stereo where it takes any."""
        return (1, 2) if self.card.channels is None else (self.card.channels,)

    @cached_property
    def chunk_size(self) -> int:
        """Samples of the chunks of all checks: few, where the model allows that, else the card's own."""
        own = max(1, round(self.card.chunk_seconds * self.sample_rate))
        frame = self.card.stft.n_fft if self.card.stft is not None else 0
        short = min(own, max(SHORT_CHUNK, FRAMES_IN_SHORT_CHUNK * frame))
        return short if short < own and self._takes(short) else own

    def _takes(self, chunk_size: int) -> bool:
        channels = self.channel_counts[-1]
        try:
            output = self.run(self.network, self.make_chunks(1, channels=channels, chunk_size=chunk_size))
        except Exception:  # the author's code may raise anything at a length that it was not made for
            return False
        return isinstance(output, Tensor) and tuple(output.shape) == self.expect_shape(
            1, channels=channels, chunk_size=chunk_size
        )

    def make_chunks(self, batch: int, *, channels: int, chunk_size: int | None = None) -> Tensor:
        """A tone in noise for each chunk, each chunk a tenth as loud as the one before, the same at every call.

        Shapes:
            returns: (batch, channels, chunk_size)
        """
        size = chunk_size or self.chunk_size
        generator = torch.Generator().manual_seed(0)
        time = torch.arange(size) / self.sample_rate
        tone = 0.3 * torch.sin(2 * torch.pi * 440 * time)
        noise = 0.1 * torch.randn(batch, channels, size, generator=generator)
        levels = 0.1 ** torch.arange(batch, dtype=torch.float32)
        return ((tone + noise) * levels[:, None, None]).to(self.device)

    def wrap(self, network: nn.Module, *, channels: int, chunk_size: int) -> ModelWaveformToWaveform:
        """The network between the transforms that the card asks for."""
        stft = self.card.stft
        if stft is not None and isinstance(stft.window_shape, str):
            # any registered window may shape the frames, while core knows only two by name
            stft = dataclasses.replace(stft, window_shape=make_window(stft.window_shape, length=stft.win_length))
        wrapped = create_w2w_model(
            network,
            self.card.input_type,
            self.card.output_type,
            stft,
            channels,
            chunk_size,
            MaskingConfig(),
        )
        cast(ModelStages, wrapped.stages).to(self.device)
        return wrapped

    def make_references(self, waveforms: Tensor) -> Tensor:
        """Two true stems that sum to given waveforms, one of them smooth.

        Shapes:
            (..., channel, time) -> (..., stem, channel, time)
        """
        before = torch.nn.functional.pad(waveforms, (1, 0))[..., :-1]
        smooth = 0.5 * (waveforms + before)
        return torch.stack((smooth, waveforms - smooth), dim=-3)

    def prepare_inputs(self, wrapped: ModelWaveformToWaveform, chunks: Tensor) -> tuple[Tensor, ...]:
        """What the network is called with for chunks (batch, channel, time): references too, where it needs them."""
        inputs = wrapped.preprocess(chunks)
        if not self.card.needs_references:
            return inputs
        references = self.make_references(chunks)  # (batch, stem, channel, time)
        if self.card.input_type != "waveform":
            stages = cast(ModelStages, wrapped.stages)
            references = stages.transform(references.flatten(0, 1)).unflatten(0, references.shape[:2])
        return (*inputs, references)

    def run(self, network: nn.Module, chunks: Tensor) -> Any:
        """What the network itself gives for chunks (batch, channel, time): waveforms, a mask or spectrograms.

        Its inputs come in the dtype of its weights, as in a separation.
        """
        _, channels, chunk_size = chunks.shape
        wrapped = self.wrap(network, channels=channels, chunk_size=chunk_size)
        with torch.no_grad():
            inputs = self.prepare_inputs(wrapped, chunks)
            return wrapped.run_model(*(value.clone() for value in inputs))

    @cached_property
    def plain_output(self) -> Tensor:
        """What the network gives for one ordinary chunk of as many channels as it takes, run once for all checks."""
        chunks = self.make_chunks(1, channels=self.channel_counts[-1])
        return cast(Tensor, self.run(self.network, chunks))

    def expect_shape(self, batch: int, *, channels: int, chunk_size: int | None = None) -> tuple[int, ...]:
        """The shape that `run` must give."""
        size = chunk_size or self.chunk_size
        stages = cast(ModelStages, self.wrap(self.network, channels=channels, chunk_size=size).stages)
        stems = len(self.stem_names)
        if stages.inverse_stft is None:
            return (batch, stems, channels, size)
        rows = stages.inverse_stft.config.num_freqs * channels
        return (batch, stems, rows, stages.inverse_stft.num_frames, 2)

    def make_card(self, *, loads_anew: bool = False) -> ModelCard:
        """The card with parameters and weights filled in, for a separation.

        Args:
            loads_anew: whether each separation calls ``load``; else they share the network loaded first.
        """

        def load(parameters: object, checkpoint: object, device: object) -> nn.Module:
            return self.load() if loads_anew else self.network

        stems = () if self.card.needs_references else self.stem_names
        return dataclasses.replace(self.card, load=load, parameters=None, stems=stems, needs_checkpoint=False)
