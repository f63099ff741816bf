"""The path of the audio as pure functions.

Normalize, chunk, transform, mask, inverse, stitch, denormalize, derive.

Axes are always in this order and by these names: batch, chunk, stem, channel, freq, frame, time; complex
values are a last axis of 2. Names are loaded on use, so that a plugin's card can hold a `StftConfig` without
loading torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import load_on_use

if TYPE_CHECKING:
    from workbench.core.audio import Audio, NormalizationStats, NormalizedAudio
    from workbench.core.chunk import generate_chunks
    from workbench.core.dtype import str_to_torch_dtype
    from workbench.core.grid import ChunkGrid
    from workbench.core.mask import apply_mask, ideal_mask
    from workbench.core.model import ModelStages, ModelWaveformToWaveform, create_w2w_model
    from workbench.core.normalize import denormalize_audio, measure_level, normalize_audio
    from workbench.core.settings import MaskingConfig, StftConfig
    from workbench.core.spectrum import InverseStft, Stft
    from workbench.core.stems import SubtractRule, SumRule, derive_stems
    from workbench.core.stitch import OverlapAdder, stitch_chunks, window_sum
    from workbench.core.wiener import add_residual, initial_stems, wiener_filter

_HOME = {
    "Audio": "audio",
    "ChunkGrid": "grid",
    "InverseStft": "spectrum",
    "MaskingConfig": "settings",
    "ModelStages": "model",
    "ModelWaveformToWaveform": "model",
    "NormalizationStats": "audio",
    "NormalizedAudio": "audio",
    "OverlapAdder": "stitch",
    "Stft": "spectrum",
    "StftConfig": "settings",
    "SubtractRule": "stems",
    "SumRule": "stems",
    "add_residual": "wiener",
    "apply_mask": "mask",
    "create_w2w_model": "model",
    "denormalize_audio": "normalize",
    "derive_stems": "stems",
    "generate_chunks": "chunk",
    "ideal_mask": "mask",
    "initial_stems": "wiener",
    "measure_level": "normalize",
    "normalize_audio": "normalize",
    "stitch_chunks": "stitch",
    "str_to_torch_dtype": "dtype",
    "wiener_filter": "wiener",
    "window_sum": "stitch",
}

__all__ = [
    "Audio",
    "ChunkGrid",
    "InverseStft",
    "MaskingConfig",
    "ModelStages",
    "ModelWaveformToWaveform",
    "NormalizationStats",
    "NormalizedAudio",
    "OverlapAdder",
    "Stft",
    "StftConfig",
    "SubtractRule",
    "SumRule",
    "add_residual",
    "apply_mask",
    "create_w2w_model",
    "denormalize_audio",
    "derive_stems",
    "generate_chunks",
    "ideal_mask",
    "initial_stems",
    "measure_level",
    "normalize_audio",
    "stitch_chunks",
    "str_to_torch_dtype",
    "wiener_filter",
    "window_sum",
]

__getattr__, __dir__ = load_on_use(__name__, _HOME)
