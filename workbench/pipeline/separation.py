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
from workbench.errors import AudioFileError, InvalidValue
from workbench.pipeline.config import RunConfig
from workbench.pipeline.provenance import describe_run, list_unwritten

if TYPE_CHECKING:
    from workbench.io.write import SavedStems
    from workbench.pipeline.plan import Plan
    from workbench.widgets import StemPlayer


class Separation(Mapping[str, Audio[Tensor]]):
    """Stem name -> ``Audio`` at the song's own rate, channels and length; the model's stems first, then derived ones.

    Args:
        stems: by name.
        mixture: the song that was taken apart.
        all_stems: all that the model gives, (stem, channel, time), for the remainder; ``None`` where some were skipped.
        config: the effective document of the run.
        notices: what the user should know.
        source: the song's file, where it came from one; its tags go into the saved stems.
        checkpoint: the file of the model's weights, if there was one.
        not_in_settings: arguments that ``config`` cannot hold, such as ``"window"`` for a tensor.

    Attributes:
        excerpt: where in its file the song begins and how long it is, in seconds, where it is a part of it.
    """

    def __init__(
        self,
        stems: Mapping[str, Audio[Tensor]],
        mixture: Audio[Tensor],
        *,
        all_stems: Tensor | None,
        config: RunConfig,
        notices: Sequence[str] = (),
        source: str | PathLike[str] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        not_in_settings: Sequence[str] = (),
    ) -> None:
        self._stems = dict(stems)
        self._all_stems = all_stems
        self.mixture = mixture
        self.config = config
        self.notices = tuple(notices)
        self.source = source
        self.checkpoint = checkpoint
        self.not_in_settings = tuple(not_in_settings)
        self.excerpt: tuple[float, float] | None = None

    @classmethod
    def from_run(
        cls,
        named: Mapping[str, Tensor],
        song: Audio[Tensor],
        restored: Tensor,
        plan: Plan,
        notices: Sequence[str],
        *,
        source: str | PathLike[str] | None = None,
    ) -> Separation:
        """The result of a run's last step; ``source`` is the song's file, where it came from one."""
        complete = len(plan.selected) == len(plan.stem_names)
        return cls(
            {name: Audio(stem, song.sample_rate) for name, stem in named.items()},
            song,
            all_stems=restored if complete else None,
            config=plan.config,
            notices=notices,
            source=source,
            checkpoint=plan.request.checkpoint,
            not_in_settings=[
                *list_unwritten(plan.request),
                *(("references",) if plan.card.needs_references else ()),
            ],
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
        """Write each stem to ``folder/STEM.FORMAT`` and ``folder/stems.json``, all of it or none under a final name.

        Stems of a song that came from a file get its tags, with the stem's name added to the title. ``stems.json``
        holds settings, versions, notices, gain, and SHA-256 of source and stems.

        Args:
            folder: made if it is not there.
            format: ``flac`` (the default unless the config says otherwise), ``wav``, ``ogg`` or ``mp3``; the config's
                ``output.bit_rate``, in bits per second, is for the latter two.
            subtype: encoding of samples, such as ``PCM_16``, ``PCM_24``, ``PCM_32`` and ``FLOAT`` in wav.
            overwrite: replace what is there, but never the song itself.

        Returns:
            The paths by stem, and the one gain that all stems were scaled by so that none clips (1.0 as a rule).
        """
        from workbench.io.names import expand_home
        from workbench.io.tags import read_tags
        from workbench.io.write import save_stems
        from workbench.pipeline.outputs import choose_saved_stems, encoding_of

        wanted = choose_saved_stems(self.config.output, self)
        encoding = encoding_of(self.config.output, file_format=format, subtype=subtype)
        try:
            tags = {} if self.source is None else read_tags(self.source)
            facts = describe_run(self, encoding=encoding)
        except OSError as error:
            raise AudioFileError(
                f"cannot read {error.filename}, whose tags and hash go beside the stems: {error.strerror}; put it back "
                "or set source and checkpoint of the separation to None"
            ) from error
        return save_stems(
            {name: self[name] for name in wanted},
            Path(expand_home(folder)),
            file_format=encoding.file_format,
            subtype=encoding.subtype,
            bit_rate=encoding.bit_rate,
            tags=tags,
            facts=facts,
            overwrite=overwrite,
            inputs=[file for file in (self.source, self.checkpoint) if file is not None],
        )

    def player(self) -> StemPlayer:
        """Mixture and stems to listen to in step, in a notebook."""
        from workbench.widgets import StemPlayer

        return StemPlayer(self)

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
