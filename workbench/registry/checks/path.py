"""Checks of a model on the whole path, by `workbench.separate` and `workbench.trace`.

The registry knows core's types, not the pipeline, which itself imports the registry. So the pipeline is
imported inside of the checks, when a model is about to be separated with, and never by this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import ModelError
from workbench.registry.checks.harness import Check, describe_error, fail, needing, skip
from workbench.registry.checks.model_subject import ModelSubject
from workbench.registry.checks.network import check_determinism, check_finite

if TYPE_CHECKING:
    from workbench.pipeline.request import RunOptions


def make_song(subject: ModelSubject, num_samples: int) -> Audio[Tensor]:
    """A tone in noise of as many channels as the model takes."""
    chunks = subject.make_chunks(1, channels=subject.channel_counts[-1], chunk_size=num_samples)
    return Audio(chunks[0].cpu(), subject.sample_rate)  # (channel, time)


def make_options(
    subject: ModelSubject, song: Audio[Tensor], *, chunk_size: int | None = None, loads_anew: bool = False
) -> RunOptions:
    """Arguments of a separation of the song with the model in chunks of so many samples."""
    options: RunOptions = {"model": subject.make_card(loads_anew=loads_anew), "device": str(subject.device)}
    if subject.card.needs_references:
        stems = subject.make_references(song.data)  # (stem, channel, time)
        options["references"] = {
            name: Audio(stem, song.sample_rate) for name, stem in zip(subject.stem_names, stems, strict=True)
        }
    if subject.card.context == "chunk":
        options["chunk_seconds"] = (chunk_size or subject.chunk_size) / subject.sample_rate
    return options


@needing(check_finite)
def check_one_sample(subject: ModelSubject) -> None:
    """A song of 1 sample gives stems of 1 sample."""
    from workbench import separate

    advice = "pad inside of forward, and cut the padding off again"
    song = make_song(subject, 1)
    try:
        stems = separate(song, **make_options(subject, song))
    except Exception as error:  # the author's code may raise anything
        fail(f"a song of 1 sample raised {describe_error(error)}: {advice}")
    for name, stem in stems.items():
        if stem.data.shape != song.data.shape or not stem.data.isfinite().all():
            fail(f"a song of 1 sample gives the stem {name} {tuple(stem.data.shape)}: {advice}")


@needing(check_finite)
def check_exact_length(subject: ModelSubject) -> None:
    """Stems are as long as the song, to the sample, whatever the lengths of song and chunk."""
    from workbench import separate

    size = subject.chunk_size
    for chunk_size, num_samples in ((size, size - 1), (size, 2 * size + 7), (size + 1, size + 3)):
        song = make_song(subject, max(1, num_samples))
        try:
            stems = separate(song, **make_options(subject, song, chunk_size=chunk_size))
        except ModelError as error:
            fail(f"{describe_error(error)}: cut or pad the output to the length of the input")
        except Exception as error:  # the author's code may raise anything
            if chunk_size != size and subject.card.context == "chunk":
                skip(f"it takes no chunk of {chunk_size} samples, others passed: {describe_error(error)}")
            raise
        lengths = {name: stem.data.shape[-1] for name, stem in stems.items() if stem.data.shape != song.data.shape}
        if lengths:
            fail(f"a song of {num_samples} samples gave {lengths}: cut or pad the output to the length of the input")


@needing(check_determinism)
def check_trace_equals_separate(subject: ModelSubject) -> None:
    """Two runs, each with the model loaded anew, give the stems that the card names, equal to the bit."""
    from workbench import separate, trace

    song = make_song(subject, 2 * subject.chunk_size + 7)
    stems = separate(song, **make_options(subject, song, loads_anew=True))
    if tuple(stems) != subject.stem_names:
        fail(f"separate gave {', '.join(stems)}, the card names {', '.join(subject.stem_names)}: make them agree")
    watched = trace(song, **make_options(subject, song, loads_anew=True)).stems
    differing = [name for name in stems if not torch.equal(stems[name].data, watched[name].data)]
    if differing:
        fail(
            f"trace and separate differ in {', '.join(differing)}: let load give the same network each time, from "
            "weights (needs_checkpoint=True) or a seed of its own"
        )


PATH_CHECKS: tuple[Check[ModelSubject], ...] = (check_one_sample, check_exact_length, check_trace_equals_separate)
