"""Windows against SciPy's `get_window`, and against their definitions where those can be written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import get_window
from scipy.signal.windows import cosine, kaiser_bessel_derived

from workbench.errors import InvalidValue
from workbench.registry import PluginManager
from workbench_plugins import windows


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    manager = PluginManager([], environ={})
    manager.register_plugin(windows)
    return manager


def make(manager: PluginManager, spec: str, *, length: int) -> np.ndarray:
    return manager.make_window(spec, length=length, dtype=torch.float64).numpy()


@pytest.mark.parametrize("length", [1, 2, 3, 9, 10, 64, 719, 720])
@pytest.mark.parametrize(
    ("spec", "scipy_name"),
    [
        ("hann", "hann"),
        ("hamming", "hamming"),
        ("rectangular", "boxcar"),
        ("blackman", "blackman"),
        ("flattop", "flattop"),
        ("tukey", ("tukey", 0.5)),
        ("tukey:alpha=0.3", ("tukey", 0.3)),
        ("tukey:alpha=0", "boxcar"),
        ("tukey:alpha=1", "hann"),
        ("kaiser", ("kaiser", 8.6)),
        ("kaiser:beta=0", "boxcar"),
        ("kaiser:beta=14", ("kaiser", 14.0)),
        ("gaussian", lambda length: ("gaussian", 0.4 * length / 2)),
        ("gaussian:sigma=0.2", lambda length: ("gaussian", 0.2 * length / 2)),
    ],
    ids=lambda value: "of the length" if callable(value) else str(value),  # an address is another in each worker
)
def test_agrees_with_scipys_periodic_window(manager, spec, scipy_name, length):
    name = scipy_name(length) if callable(scipy_name) else scipy_name
    expected = get_window(name, length, fftbins=True)
    np.testing.assert_allclose(make(manager, spec, length=length), expected, rtol=0, atol=2e-15)  # float64 rounding


@pytest.mark.parametrize(("nw", "length"), [(2.5, 6), (0.5, 9), (4, 64), (4, 65), (16, 720)])
def test_dpss_agrees_with_scipy(manager, nw, length):
    expected = get_window(("dpss", nw), length, fftbins=True)
    np.testing.assert_allclose(make(manager, f"dpss:nw={nw}", length=length), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("length", [2, 10, 720])
def test_windows_without_a_periodic_form_agree_with_scipys_symmetric_ones(manager, length):
    np.testing.assert_allclose(make(manager, "sine", length=length), cosine(length, sym=True), rtol=0, atol=1e-15)
    for alpha in (0, 4, 5):
        expected = kaiser_bessel_derived(length, np.pi * alpha)
        np.testing.assert_allclose(make(manager, f"kbd:alpha={alpha}", length=length), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("length", [9, 10, 720])
def test_shapes_follow_their_formulas(manager, length):
    t = np.arange(length) / length
    from_middle = 2 * t - 1
    end = np.minimum(np.minimum(t, 1 - t) / (0.3 / 2), 1)
    formulas = {
        "blackman": 0.42 - 0.5 * np.cos(2 * np.pi * t) + 0.08 * np.cos(4 * np.pi * t),
        "tukey:alpha=0.3": 0.5 - 0.5 * np.cos(np.pi * end),
        "kaiser:beta=7": np.i0(7 * np.sqrt(1 - from_middle**2)) / np.i0(7),
        "gaussian:sigma=0.3": np.exp(-0.5 * (from_middle / 0.3) ** 2),
    }
    for spec, expected in formulas.items():
        np.testing.assert_allclose(make(manager, spec, length=length), expected, rtol=0, atol=1e-14, err_msg=spec)


@pytest.mark.parametrize("length", [31, 32, 90])
def test_dpss_has_the_most_energy_in_its_band(manager, length):
    """Slepian's own definition: the first eigenvector of the band's sinc kernel, over the symmetric window."""
    nw, symmetric_length = 2.0, length + 1
    half_band = nw / symmetric_length  # cycles a sample, as SciPy takes it for the window one sample longer
    lag = np.arange(symmetric_length)[:, None] - np.arange(symmetric_length)
    _, vectors = np.linalg.eigh(2 * half_band * np.sinc(2 * half_band * lag))
    expected = np.abs(vectors[:length, -1])
    window = make(manager, f"dpss:nw={nw}", length=length)
    # up to a factor; the kernel's largest eigenvalues lie 1e-2 apart, so eigh gives 1e-13
    np.testing.assert_allclose(window / window.max(), expected / expected.max(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 31, 32, 33])
@pytest.mark.parametrize("nw", [0.1, 1, 15.9, 16])
def test_dpss_shorter_than_its_band_allows_is_a_bell_all_the_same(manager, nw, length):
    window = make(manager, f"dpss:nw={nw}", length=length)
    assert window.min() > 0
    assert window.max() == pytest.approx(1, abs=0.3)
    np.testing.assert_allclose(window[1:], window[:0:-1], rtol=1e-6, atol=1e-15)  # periodic: symmetric from 1 on


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 1001])
def test_both_ends_of_every_parameters_range_work(manager, length, dtype):
    for card in windows.CARDS:
        for name, parameter in card.parameters.items():
            assert parameter.summary
            for value in (parameter.minimum, parameter.default, parameter.maximum):
                if value is not None:
                    window = manager.make_window(f"{card.name}:{name}={value}", length=length, dtype=dtype)
                    assert window.max() > 0, (card.name, name, value)


@pytest.mark.parametrize(
    "spec", ["tukey:alpha=1.1", "kaiser:beta=-1", "kaiser:beta=101", "kbd:alpha=31", "gaussian:sigma=0", "dpss:nw=0"]
)
def test_a_parameter_out_of_range_is_refused(manager, spec):
    with pytest.raises(InvalidValue, match="must be"):
        manager.make_window(spec, length=8)
