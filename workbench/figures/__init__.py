"""Data to matplotlib figures, pure: nothing here knows of pyplot or keeps any state.

>>> import workbench as wb
>>> from workbench.figures import draw_step
>>> trace = wb.trace(wb.demo_song()["mixture"], model="hpss")
>>> figure = draw_step(trace["mask"], chunk=1)  # or trace["mask"].figure(chunk=1)

Every figure is made for its data alone, reduced to the pixels of the picture first. Names are loaded on use, so that
importing this package loads neither matplotlib nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import load_on_use

if TYPE_CHECKING:
    from workbench.figures.changes import draw_change
    from workbench.figures.chunks import draw_chunks
    from workbench.figures.disagreement import draw_disagreement
    from workbench.figures.levels import draw_denormalization, draw_normalization
    from workbench.figures.mask import draw_mask
    from workbench.figures.path import PathRow, draw_path
    from workbench.figures.raster import ChunkFrames
    from workbench.figures.separated import draw_chunk_stems
    from workbench.figures.spectrogram import draw_chunk_spectrograms, draw_spectrogram
    from workbench.figures.stems import draw_stems
    from workbench.figures.step import draw_step, draw_trace
    from workbench.figures.style import color_stems
    from workbench.figures.sweep import draw_sweep
    from workbench.figures.waveform import draw_waveform
    from workbench.figures.windows import draw_windows
    from workbench.figures.words import draw_words

_HOME = {
    "ChunkFrames": "raster",
    "PathRow": "path",
    "color_stems": "style",
    "draw_change": "changes",
    "draw_chunk_spectrograms": "spectrogram",
    "draw_chunk_stems": "separated",
    "draw_chunks": "chunks",
    "draw_denormalization": "levels",
    "draw_disagreement": "disagreement",
    "draw_mask": "mask",
    "draw_normalization": "levels",
    "draw_path": "path",
    "draw_spectrogram": "spectrogram",
    "draw_stems": "stems",
    "draw_step": "step",
    "draw_sweep": "sweep",
    "draw_trace": "step",
    "draw_waveform": "waveform",
    "draw_windows": "windows",
    "draw_words": "words",
}

__all__ = [
    "ChunkFrames",
    "PathRow",
    "color_stems",
    "draw_change",
    "draw_chunk_spectrograms",
    "draw_chunk_stems",
    "draw_chunks",
    "draw_denormalization",
    "draw_disagreement",
    "draw_mask",
    "draw_normalization",
    "draw_path",
    "draw_spectrogram",
    "draw_stems",
    "draw_step",
    "draw_sweep",
    "draw_trace",
    "draw_waveform",
    "draw_windows",
    "draw_words",
]

__getattr__, __dir__ = load_on_use(__name__, _HOME)
