from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from core_reference import call_unchanged, multiply_complex, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from workbench.core import apply_mask, ideal_mask
from workbench.core.mask import IDEAL_MASKS
from workbench.errors import InvalidValue

SPECTROGRAM, MASK = (2, 1, 6, 4, 2), (2, 3, 6, 4, 2)


def multiply(spectrogram: Tensor, mask: Tensor) -> Tensor:
    return apply_mask(spectrogram, mask, None, None)


def lay_flat(value: Tensor) -> Tensor:
    return value.contiguous()


def swap_axes(value: Tensor) -> Tensor:
    """Real and imaginary parts far apart in memory."""
    return value.movedim(-1, 0).contiguous().movedim(0, -1)


def shift(value: Tensor) -> Tensor:
    """An odd offset in memory, where torch knows no complex numbers."""
    buffer = torch.zeros(value.numel() + 1, dtype=value.dtype)
    return buffer[1:].view(value.shape).copy_(value)


def space_out(value: Tensor) -> Tensor:
    """Odd strides."""
    return torch.nn.functional.pad(value, (0, 1))[..., :2]


def expand(value: Tensor) -> Tensor:
    """Strides of 0."""
    return value[:1, :, :, :1].expand(value.shape)


LAYOUTS = [lay_flat, swap_axes, shift, space_out, expand]


@pytest.mark.parametrize("lay_mask", LAYOUTS)
@pytest.mark.parametrize("lay_spectrogram", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_product_is_the_complex_one_however_it_lies_in_memory(
    dtype: torch.dtype, lay_spectrogram: Callable[[Tensor], Tensor], lay_mask: Callable[[Tensor], Tensor]
) -> None:
    spectrogram = lay_spectrogram(noise(*SPECTROGRAM, dtype=dtype))
    mask = lay_mask(noise(*MASK, seed=1, dtype=dtype))
    masked = call_unchanged(multiply, spectrogram, mask)
    assert masked.shape == MASK
    assert masked.dtype == dtype
    # two roundings of products, one of their sum, of numbers up to about 20
    tolerance = 40 * torch.finfo(dtype).eps
    torch.testing.assert_close(masked.double(), multiply_complex(spectrogram, mask), rtol=0, atol=tolerance)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4))
@settings(max_examples=100)
def test_complex_kernel_and_written_out_product_agree_to_rounding(parts: list[float]) -> None:
    a, b, c, d = parts
    spectrogram, mask = torch.tensor([[a, b]]), torch.tensor([[c, d]])
    fast, written = multiply(spectrogram, mask), multiply(shift(spectrogram), mask)
    float32 = torch.finfo(torch.float32)
    bound = 2 * float32.eps * (abs(a) + abs(b)) * (abs(c) + abs(d)) + float32.tiny
    assert float((fast - written).abs().max()) <= bound


def test_result_has_no_share_in_its_arguments() -> None:
    spectrogram, mask = noise(*MASK), noise(*MASK, seed=1)
    masked = multiply(spectrogram, mask)
    assert masked.untyped_storage().data_ptr() not in {
        value.untyped_storage().data_ptr() for value in (spectrogram, mask)
    }


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_products_are_rounded_before_the_sum(dtype: torch.dtype) -> None:
    large = {torch.bfloat16: 256.0, torch.float16: 2048.0}[dtype]  # large + 1 has no half-precision number
    spectrogram = torch.tensor([large, 1.0], dtype=dtype)
    masks = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=dtype)
    exact = [[large - 1, large + 1], [large + 1, 1 - large]]
    rounded = [[large - 1, large], [large, 1 - large]]

    def mask_it(add_sub_dtype: torch.dtype | None, out_dtype: torch.dtype | None) -> tuple[torch.dtype, object]:
        masked = apply_mask(spectrogram, masks, add_sub_dtype, out_dtype)
        return masked.dtype, masked.tolist()

    assert mask_it(None, None) == (dtype, rounded)
    assert mask_it(torch.float32, None) == (torch.float32, exact)
    assert mask_it(torch.float32, dtype) == (dtype, rounded)
    assert mask_it(None, torch.float32) == (torch.float32, rounded)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_products_are_formed_in_the_dtype_of_the_input(dtype: torch.dtype) -> None:
    value = torch.tensor(1 + torch.finfo(dtype).eps, dtype=dtype)  # its square has no half-precision number
    number = torch.stack((value, torch.zeros_like(value)))
    masked = apply_mask(number, number, torch.float32, torch.float32)
    assert masked[0] == (value * value).float() != value.float() ** 2


def test_float32_products_may_be_summed_more_coarsely() -> None:
    spectrogram, mask = torch.tensor([256.0, 1.0]), torch.tensor([1.0, 1.0])
    masked = apply_mask(spectrogram, mask, torch.bfloat16, torch.float32)
    assert masked.dtype == torch.float32
    assert masked.tolist() == [255.0, 256.0]


def test_dtypes_that_differ_are_promoted_as_torch_does() -> None:
    masked = multiply(noise(*SPECTROGRAM), noise(*MASK, dtype=torch.bfloat16))
    assert masked.dtype == torch.float32


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("spectrogram", "mask", "message"),
    [
        ((4, 3), (4, 2), r"spectrogram must have a last axis of 2 .*got \(4, 3\)"),
        ((4, 2), (4, 1), r"mask must have a last axis of 2 .*got \(4, 1\)"),
        ((), (4, 2), r"spectrogram must have a last axis of 2 .*got \(\)"),
        ((4, 2), (3, 2), r"\(4, 2\) and mask \(3, 2\) do not broadcast"),
    ],
)
def test_what_cannot_be_multiplied(spectrogram: tuple[int, ...], mask: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        multiply(torch.zeros(spectrogram), torch.zeros(mask))


@pytest.mark.parametrize("lay", [lay_flat, swap_axes])  # the complex kernel, and the product written out
def test_gradients_of_the_product(lay: Callable[[Tensor], Tensor]) -> None:
    spectrogram = noise(1, 1, 2, 3, 2, dtype=torch.float64).requires_grad_()
    mask = noise(1, 2, 2, 3, 2, seed=1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda first, second: multiply(lay(first), lay(second)), (spectrogram, mask))


def test_product_is_on_the_device_of_its_arguments() -> None:
    assert multiply(torch.empty(*SPECTROGRAM, device="meta"), torch.empty(*MASK, device="meta")).device.type == "meta"


# ---- ideal masks


def make_mixture(*bins: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    stems = noise(3, *bins, 2, dtype=dtype)
    return stems, stems.sum(0)


def mask_by_formula(kind: str, stems: Tensor, mixture: Tensor) -> np.ndarray:
    s = stems[..., 0].numpy() + 1j * stems[..., 1].numpy()
    x = mixture[..., 0].numpy() + 1j * mixture[..., 1].numpy()
    phase_sensitive = np.abs(s) / np.abs(x) * np.cos(np.angle(s) - np.angle(x))
    return {
        "ibm": (np.abs(s) == np.abs(s).max(axis=0)).astype(complex),
        "irm": np.abs(s) / np.abs(s).sum(axis=0),
        "wiener": np.abs(s) ** 2 / (np.abs(s) ** 2).sum(axis=0),
        "psm": phase_sensitive,
        "psm_clipped": np.clip(phase_sensitive, 0, 1),
        "cirm": s / x,
    }[kind]


@pytest.mark.parametrize("kind", IDEAL_MASKS)
def test_ideal_masks_are_their_formulas(kind: str) -> None:
    stems, mixture = make_mixture(5, 7)
    mask = call_unchanged(lambda *given: ideal_mask(kind, *given), stems, mixture)
    assert mask.shape == stems.shape
    expected = mask_by_formula(kind, stems, mixture)
    # the formulas take angles and magnitudes apart: some roundings of ratios up to about 100
    np.testing.assert_allclose(mask[..., 0].numpy(), expected.real, rtol=0, atol=1e-12)
    np.testing.assert_allclose(mask[..., 1].numpy(), expected.imag, rtol=0, atol=1e-12)


def test_masks_that_share_out_sum_to_one() -> None:
    stems, mixture = make_mixture(5, 7)
    one = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(5, 7, 2)
    for kind in ("ibm", "irm", "wiener", "cirm"):  # cirm because the stems sum to the mixture
        torch.testing.assert_close(ideal_mask(kind, stems, mixture).sum(0), one, rtol=0, atol=1e-12)


def test_complex_ideal_ratio_mask_gives_the_stems_back() -> None:
    stems, mixture = make_mixture(5, 7)
    masked = multiply(mixture.unsqueeze(0), ideal_mask("cirm", stems, mixture))
    torch.testing.assert_close(masked, stems, rtol=0, atol=1e-12)


def test_phase_sensitive_mask_is_the_best_real_one_in_least_squares() -> None:
    stems, mixture = make_mixture(5, 7)
    best = ideal_mask("psm", stems, mixture)

    def measure_error(mask: Tensor) -> Tensor:  # (stem, ...)
        return (multiply(mixture.unsqueeze(0), mask) - stems).square().sum(-1)

    for change in (1e-3, -1e-3, 0.3, -0.3):
        other = best + torch.tensor([change, 0.0], dtype=torch.float64)
        assert (measure_error(best) < measure_error(other)).all()


def test_equals_in_a_binary_mask_go_to_the_first() -> None:
    tie = torch.tensor([[[3.0, 4.0]], [[-5.0, 0.0]], [[0.0, 5.0]], [[1.0, 1.0]]])
    assert ideal_mask("ibm", tie, tie.sum(0))[:, 0].tolist() == [[1, 0], [0, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("kind", IDEAL_MASKS)
def test_where_the_mixture_is_silent_masks_are_finite(kind: str) -> None:
    stems = torch.zeros(3, 4, 2)
    stems[0, 1], stems[1, 1] = torch.tensor([1.0, 2.0]), torch.tensor([-1.0, -2.0])  # they cancel in bin 1
    stems[2, 2] = torch.tensor([1e-30, 0.0])  # its power is 0 in float32
    stems[2, 3] = torch.tensor([3.0, 4.0])
    stems.requires_grad_()
    mask = ideal_mask(kind, stems, stems.sum(0))
    assert mask.isfinite().all()
    if kind != "ibm":  # a decision has no gradient
        (gradient,) = torch.autograd.grad(mask.sum(), stems)
        assert gradient.isfinite().all()
    assert mask[:, 3].tolist() == [[0, 0], [0, 0], [1, 0]]
    if kind != "ibm":  # where all are equally 0, the first is the largest
        assert not mask[:, 0].any()


@pytest.mark.parametrize("kind", IDEAL_MASKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_ideal_masks_keep_the_dtype_and_do_not_overflow(dtype: torch.dtype, kind: str) -> None:
    stems = 1000 * noise(3, 5, 7, 2, dtype=dtype)  # their powers are beyond float16
    mixture = stems.sum(0)
    mask = ideal_mask(kind, stems, mixture)
    assert mask.dtype == dtype
    exact = ideal_mask(kind, stems.double(), mixture.double())
    torch.testing.assert_close(mask.double(), exact, rtol=4 * torch.finfo(dtype).eps, atol=1e-4)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("kind", "stems", "mixture", "message"),
    [
        ("best", (3, 5, 2), (5, 2), "one of ibm, irm, wiener, psm, psm_clipped, cirm, got 'best'"),
        ("irm", (3, 5, 2), (4, 2), r"got \(3, 5, 2\) and \(4, 2\)"),
        ("irm", (3, 5, 3), (5, 3), r"got \(3, 5, 3\) and \(5, 3\)"),
        ("irm", (2,), (), r"got \(2,\) and \(\)"),
    ],
)
def test_what_has_no_ideal_mask(kind: str, stems: tuple[int, ...], mixture: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        ideal_mask(kind, torch.zeros(stems), torch.zeros(mixture))
