"""Compiled inner loops: numba's `njit` with the settings that all of crysim's kernels share.

Importing this module does not import numba; decorating a function does. Keep kernels in modules of their own that
are imported inside the function that needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered (vector units need that); infinities and NaNs keep their meaning.
_FAST_MATH = {"reassoc", "contract", "arcp", "nsz"}


def compiled(function: F) -> F:
    """Compile a function on its first call, without the GIL, and keep the machine code on disk.

    numba writes beside the module, or to the user's cache folder if the package folder is read-only. Where neither
    can be written (a locked-down container) the function is compiled anew in every process.
    """
    import numba

    try:
        kernel = numba.njit(cache=True, nogil=True, fastmath=_FAST_MATH)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        kernel = numba.njit(nogil=True, fastmath=_FAST_MATH)(function)
    return cast(F, kernel)
