"""What torch's default dtype is in the caller's session does not change the stems."""

import pytest
import torch

import workbench as wb


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("model", ["passthrough", "nmf"])
def test_the_default_dtype_does_not_change_the_stems(model: str, dtype: torch.dtype) -> None:
    noise = torch.randn(2, 20017, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    song = wb.Audio(0.1 * noise, 44100)
    expected = wb.separate(song, model=model, device="cpu")
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        got = wb.separate(song, model=model, device="cpu")
    finally:
        torch.set_default_dtype(before)
    assert {got[name].data.dtype for name in got} == {torch.float32}
    assert all(torch.equal(got[name].data, expected[name].data) for name in expected)
