"""The result of a run: stems by name."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE
from workbench.errors import InvalidValue
from workbench.pipeline.config import RunConfig

if TYPE_CHECKING:
    from workbench.display import Player
    from workbench.io.write import SavedStems
    from workbench.pipeline.plan import Plan


class Separation(Mapping[str, Audio[Tensor]]):
    """Stem name -> ``Audio`` at the song's own rate, channels and length; the model's stems first, then derived ones.

    Args:
        stems: by name.
        mixture: the song that was taken apart.
        all_stems: all that the model gives, (stem, channel, time), for the remainder; ``None`` where some were skipped.
        config: the effective document of the run.
        notices: what the user should know.
    """

    def __init__(
        self,
        stems: Mapping[str, Audio[Tensor]],
        mixture: Audio[Tensor],
        *,
        all_stems: Tensor | None,
        config: RunConfig,
        notices: Sequence[str] = (),
    ) -> None:
        self._stems = dict(stems)
        self._all_stems = all_stems
        self.mixture = mixture
        self.config = config
        self.notices = tuple(notices)

    @classmethod
    def from_run(
        cls,
        named: Mapping[str, Tensor],
        song: Audio[Tensor],
        restored: Tensor,
        plan: Plan,
        notices: Sequence[str],
    ) -> Separation:
        """The result of a run's last step."""
        complete = len(plan.selected) == len(plan.stem_names)
        return cls(
            {name: Audio(stem, song.sample_rate) for name, stem in named.items()},
            song,
            all_stems=restored if complete else None,
            config=plan.config,
            notices=notices,
        )

    def __getitem__(self, name: str) -> Audio[Tensor]:
        if name not in self._stems:
            raise KeyError(f"no stem {name!r}; there are {', '.join(self._stems)}")
        return self._stems[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stems)

    def __len__(self) -> int:
        return len(self._stems)

    @property
    def sample_rate(self) -> int:
        """The song's, in hertz."""
        return self.mixture.sample_rate

    @cached_property
    def remainder(self) -> Audio[Tensor]:
        """What the model left over: the mixture minus all of the model's stems.

        Raises:
            InvalidValue: only some of the model's stems were computed.
        """
        if self._all_stems is None:
            raise InvalidValue("there is no remainder: only some of the model's stems were computed; leave out stems=")
        return Audio(self.mixture.data - self._all_stems.sum(dim=0), self.sample_rate)

    def save(
        self,
        folder: str | PathLike[str],
        *,
        format: str | None = None,
        subtype: str | None = None,
        overwrite: bool = False,
    ) -> SavedStems:
        """Write each stem to ``folder/STEM.FORMAT``, all of them or none under a final name.

        Args:
            folder: made if it is not there.
            format: ``flac`` (the default unless the config says otherwise) or ``wav``.
            subtype: encoding of samples, such as ``PCM_16``, ``PCM_24``, ``FLOAT``.
            overwrite: replace what is there.

        Returns:
            The paths by stem, and the one gain that all stems were scaled by so that none clips (1.0 as a rule).
        """
        from workbench.io.write import save_stems

        wanted = self.config.output.stem_names or tuple(self)
        for name in wanted:
            if name not in self:
                raise InvalidValue(f"output.stem_names asks for {name!r}; there are {', '.join(self)}")
        file_format = format or self.config.output.file_format or "flac"
        if self.config.output.bit_rate is not None:
            raise InvalidValue(f"output.bit_rate is for lossy formats; {file_format} keeps every sample")
        return save_stems(
            {name: self[name] for name in wanted},
            Path(folder),
            file_format=file_format,
            subtype=subtype,
            overwrite=overwrite,
        )

    def player(self) -> Player:
        """Mixture and stems to listen to, in a notebook."""
        from workbench.display import Player

        return Player({MIXTURE: self.mixture, **self})

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = []
        for name, audio in {MIXTURE: self.mixture, **self}.items():
            channel, time = audio.data.shape
            level = _decibels(audio.data.square().mean().sqrt())
            rows.append(
                (
                    name,
                    f"{channel} x {time / audio.sample_rate:.2f} s",
                    level,
                    _decibels(audio.data.abs().max()),
                )
            )
        return rows

    def __repr__(self) -> str:
        head = f"Separation: {len(self)} stems at {self.sample_rate} Hz"
        lines = [f"  {name:<16} {size:>14}  RMS {rms:>9}  peak {peak:>9}" for name, size, rms, peak in self._rows()]
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{title}</th>" for title in ("stem", "size", "RMS", "peak"))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _decibels(amplitude: Tensor) -> str:
    """Relative to full scale."""
    return "silent" if amplitude == 0 else f"{float(20 * torch.log10(amplitude)):.1f} dBFS"
