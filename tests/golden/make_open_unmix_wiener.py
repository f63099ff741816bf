"""Vectors of Open-Unmix's multichannel Wiener filter, beside this file in open_unmix_wiener.npz.

With openunmix 1.3.0 and norbert 0.2.1 installed, ``python make_open_unmix_wiener.py`` computes all vectors anew and
compares them with the file; with ``--write`` it writes the file. Open-Unmix inverts matrices of 1 and 2 channels
only. For 3, its initial stems go through the EM of norbert, which it was made from, with Open-Unmix's eps.

The file holds, in float64 and in the workbench's axes, ``magnitudes_C`` (batch, stem, freq * channel, frame) and
``mixture_C`` (batch, freq * channel, frame, 2) for C channels, and for each case ``C_softmask_residual_iterations``
(flags 0 or 1) the filtered stems (batch, stem, freq * channel, frame, 2). Of the two batch items the first is loud
enough to be scaled down, the second is not. No bin is silent: there Open-Unmix 1.3.0 writes a 1 into the mixture.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

FILE = Path(__file__).with_name("open_unmix_wiener.npz")
SEED, STEMS, FREQS, FRAMES = 20241, 2, 3, 6
LEVELS = (40.0, 2.0)  # of the batch items; magnitudes above 10 are scaled down
EPS, SCALE_FACTOR = 1e-10, 10.0
TOLERANCE = 1e-10  # of the peak, in float64: other BLAS and other processors round otherwise


def make_inputs(num_channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes with errors, and the mixture of the stems they are of."""
    rng = np.random.default_rng((SEED, num_channels))
    rows = FREQS * num_channels
    loudness = np.array(LEVELS)[:, None, None, None] * rng.uniform(0.05, 1, (len(LEVELS), STEMS, rows, 1))
    parts = rng.standard_normal((len(LEVELS), STEMS, rows, FRAMES, 2)) * loudness[..., None]
    magnitudes = np.linalg.norm(parts, axis=-1) * rng.uniform(0.5, 1.5, parts.shape[:-1])
    return magnitudes, parts.sum(axis=1)


def load_open_unmix() -> ModuleType:
    """Its filters alone: the package's own import needs torchaudio, which they do not."""
    package = importlib.util.find_spec("openunmix")
    if package is None or package.origin is None:
        raise SystemExit("openunmix is not installed")
    spec = importlib.util.spec_from_file_location("openunmix_filtering", Path(package.origin).parent / "filtering.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def filter_item(
    filtering: ModuleType, magnitudes: Tensor, mixture: Tensor, *, softmask: bool, residual: bool, iterations: int
) -> Tensor:
    """One item in Open-Unmix's axes: (frame, freq, channel, stem) and (frame, freq, channel, 2)."""
    num_channels = mixture.shape[2]
    is_theirs = num_channels <= 2
    stems = filtering.wiener(
        magnitudes,
        mixture.clone(),  # it writes into its argument
        iterations if is_theirs else 0,
        softmask=softmask,
        residual=residual,
        scale_factor=SCALE_FACTOR,
        eps=EPS,
    )
    if is_theirs or iterations == 0:
        return stems
    import norbert

    estimates = torch.view_as_complex(stems.movedim(-1, -2).contiguous()).numpy()  # (frame, freq, channel, stem)
    heard = torch.view_as_complex(mixture).numpy()
    scale = max(1.0, float(np.abs(heard).max()) / SCALE_FACTOR)
    refined, _, _ = norbert.expectation_maximization(estimates / scale, heard / scale, iterations, eps=EPS)
    return torch.view_as_real(torch.from_numpy(refined * scale)).movedim(-1, -2)


def make_vectors() -> dict[str, np.ndarray]:
    """All of the file's arrays."""
    torch.set_default_dtype(torch.float64)  # else Open-Unmix's pi is float32's, whatever its arguments are
    filtering = load_open_unmix()
    vectors: dict[str, np.ndarray] = {}
    for num_channels in (1, 2, 3):
        magnitudes, mixture = make_inputs(num_channels)
        vectors[f"magnitudes_{num_channels}"], vectors[f"mixture_{num_channels}"] = magnitudes, mixture
        theirs = torch.from_numpy(magnitudes).unflatten(2, (FREQS, num_channels)).permute(0, 4, 2, 3, 1)
        heard = torch.from_numpy(mixture).unflatten(1, (FREQS, num_channels)).permute(0, 3, 1, 2, 4).contiguous()
        for softmask, residual, iterations in itertools.product((0, 1), (0, 1), range(4)):
            items = [
                filter_item(filtering, *item, softmask=bool(softmask), residual=bool(residual), iterations=iterations)
                for item in zip(theirs, heard, strict=True)
            ]
            stems = (
                torch.stack(items).permute(0, 5, 2, 3, 1, 4).flatten(2, 3)
            )  # (batch, stem, freq * channel, frame, 2)
            vectors[f"{num_channels}_{softmask}_{residual}_{iterations}"] = stems.numpy()
    return vectors


def main() -> None:
    """Write the file, or compare it with what is computed here."""
    vectors = make_vectors()
    if sys.argv[1:] == ["--write"]:
        np.savez_compressed(FILE, **vectors)
    with np.load(FILE) as stored:
        assert set(stored.files) == set(vectors)
        worst = max(float(np.abs(stored[name] - made).max() / np.abs(made).max()) for name, made in vectors.items())
    print(f"{len(vectors)} arrays, {FILE.stat().st_size} bytes, largest difference {worst:.1e} of the peak")
    if not worst <= TOLERANCE:
        raise SystemExit(f"the vectors differ by more than {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
