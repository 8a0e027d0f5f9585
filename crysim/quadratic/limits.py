"""How large a quadratic model from a file may be: looked at in its headers, before any memory is taken."""

from __future__ import annotations

from pathlib import Path

from crysim.errors import InputError

MAX_BITS = 1_000_000
"""Variables. The paper's largest model has 14,334."""
MAX_COUPLINGS = 50_000_000
"""Couplings given one by one."""
MAX_BYTES = 2 << 30
"""Of all arrays of a model together: dense couplings of 16,000 bits, or factors of rank 16 of 10^7."""


def check_size(path: str | Path, num_bits: int, num_couplings: int = 0, num_bytes: int = 0) -> None:
    """Refuse a model that is empty or too large, by what its header says.

    Raises:
        InputError: it has no variables, or more of something than the limits above.
    """
    if num_bits < 1:
        raise InputError(f"the model {path} has no variables: there is nothing to solve")
    if num_bits > MAX_BITS:
        raise InputError(f"the model {path} has {num_bits:,} variables: at most {MAX_BITS:,} can be read")
    if num_couplings > MAX_COUPLINGS:
        raise InputError(f"the model {path} has {num_couplings:,} couplings: at most {MAX_COUPLINGS:,} can be read")
    if num_bytes > MAX_BYTES:
        raise InputError(
            f"the model {path} would take {num_bytes / (1 << 30):.1f} GiB: at most {MAX_BYTES >> 30} GiB can be read; "
            "write couplings that are mostly zero in their CSR form"
        )
