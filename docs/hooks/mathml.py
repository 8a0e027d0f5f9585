"""Turns formulas into MathML when a page is built: no script and no font is fetched to read them."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)
_TAG = re.compile(r"\\tag\{(\d+)\}")
_SPELLINGS = (
    (r"\lvert", r"\left|"),
    (r"\rvert", r"\right|"),
    (r"\Big\{", r"\left\{"),
    (r"\Big\}", r"\right\}"),
    (r"\mathsf T", r"\top"),
    (r"\mathbb R", "ℝ "),
    (r"\mathbb 1", "1"),
    (r"\mathcal P", "𝒫 "),
    (r"\operatorname", r"\text"),
)
"""What latex2mathml writes wrongly for browsers, in other words: fences, and letters of other alphabets."""


def on_page_content(content: str, **_: Any) -> str:
    """Replace what pymdownx.arithmatex marked."""
    content = _BLOCK.sub(lambda found: _block(html.unescape(found[1])), content)
    return _INLINE.sub(lambda found: _mathml(html.unescape(found[1]), display="inline"), content)


def _block(latex: str) -> str:
    """A formula on lines of its own, its number at the right."""
    tag = _TAG.search(latex)
    number = f"<span>({tag[1]})</span>" if tag else ""
    return f'<div class="formula">{_mathml(_TAG.sub("", latex), display="block")}{number}</div>'


def _mathml(latex: str, display: str) -> str:
    for ours, theirs in _SPELLINGS:
        latex = latex.replace(ours, theirs)
    return convert(latex.strip(), display=display)
