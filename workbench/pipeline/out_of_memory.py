"""Whether an error says that memory ran out. Only one of the many that do is ``torch.OutOfMemoryError``."""

from __future__ import annotations

PHRASES = (
    "out of memory",  # CUDA and MPS, which raise a plain RuntimeError in places
    "can't allocate memory",  # the CPU, on Linux and macOS
    "not enough memory",  # the CPU, on Windows
    "_status_alloc_failed",  # cuBLAS and cuDNN
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether less at a time might do: ``MemoryError``, and what torch raises on each device."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and (  # as torch's own OutOfMemoryError is
        type(error).__name__ == "OutOfMemoryError" or any(phrase in str(error).lower() for phrase in PHRASES)
    )
