"""Turns formulas into MathML when a page is built: no script and no font is fetched to read them."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Replace what pymdownx.arithmatex marked."""
    content = _BLOCK.sub(lambda found: f'<div class="formula">{_mathml(found[1], display="block")}</div>', content)
    return _INLINE.sub(lambda found: _mathml(found[1], display="inline"), content)


def _mathml(latex: str, display: str) -> str:
    return convert(html.unescape(latex).strip(), display=display)
