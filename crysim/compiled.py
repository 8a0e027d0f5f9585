"""The one decorator of every kernel: numba's `njit` with the settings that all of crysim's compiled loops share.

Importing this module does not import numba; decorating a function does. Keep kernels in modules of their own that
are imported inside the function that needs them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, overload

from crysim.compiling_once import compile_once

F = TypeVar("F", bound=Callable[..., Any])

FastMath = Literal["off", "fused", "reordered", "finite"]
Inlining = Literal["auto", "source", "machine"]

_FAST_MATH: dict[FastMath, bool | set[str]] = {
    "off": False,
    "fused": {"contract"},
    "reordered": {"reassoc", "contract", "arcp", "nsz"},
    "finite": True,
}
_INLINING: dict[Inlining, dict[str, Any]] = {
    "auto": {},
    "source": {"inline": "always"},
    "machine": {"forceinline": True},
}


@overload
def compiled(function: F) -> F: ...
@overload
def compiled(
    *, fast_math: FastMath = "off", inlining: Inlining = "auto", zero_division: Literal["raises", "ieee"] = "raises"
) -> Callable[[F], F]: ...
def compiled(
    function: F | None = None,
    *,
    fast_math: FastMath = "off",
    inlining: Inlining = "auto",
    zero_division: Literal["raises", "ieee"] = "raises",
) -> F | Callable[[F], F]:
    """Compile a function on its first call, without the GIL, and keep the machine code on disk.

    numba writes beside the module, or to the user's cache folder if the package folder is read-only. Where neither
    can be written (a locked-down container) the function is compiled anew in every process. Of several processes that
    want it at one time, one compiles it (`crysim.compiling_once`).

    Args:
        function: the kernel, where the decorator is written without arguments.
        fast_math: ``off``: arithmetic as it is written; ``fused``: a product and a sum may be rounded at once;
            ``reordered``: sums may be reordered (vector units need that), infinities and NaNs keep their meaning;
            ``finite``: moreover no value is ever infinite or NaN.
        inlining: into other kernels: ``auto``, as the compiler sees fit; ``source``, always, before types are known;
            ``machine``, always, afterwards.
        zero_division: ``raises``, as in Python, or ``ieee``: gives an infinity, and loops can be vectorised.
    """

    def decorate(kernel: F) -> F:
        import numba
        from numba.core.compiler_lock import global_compiler_lock

        options: dict[str, Any] = {
            "nogil": True,
            "no_cfunc_wrapper": True,  # nobody calls kernels from C, and a wrapper takes a twelfth of the compiling
            "fastmath": _FAST_MATH[fast_math],
            **_INLINING[inlining],
        }
        if zero_division == "ieee":
            options["error_model"] = "numpy"
        try:
            kept = numba.njit(cache=True, **options)(kernel)
            compile_once(kept, global_compiler_lock)
            return cast(F, kept)
        except RuntimeError:  # "cannot cache function: no locator available"
            return cast(F, numba.njit(**options)(kernel))

    return decorate if function is None else decorate(function)


def is_fresh(package: Path) -> bool:
    """Whether it looks as if nothing of a package's folder were compiled yet: numba keeps no machine code for it.

    Looks at files, and imports nothing. False too where the folder cannot be written. Where numba is told by its own
    variable to keep all in one place, that is looked at.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    if not given and not os.access(package, os.W_OK):
        return False
    return next((Path(given) if given else package).rglob("*.nbi"), None) is None
