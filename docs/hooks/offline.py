"""The site is read without a network: what would be fetched is taken out, and what is left of it fails the build."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

_NOTEBOOK_SCRIPTS = re.compile(
    r"<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->"
    r'|<script type="module">\s*document\.addEventListener\("DOMContentLoaded".*?mermaid.*?</script>',
    re.DOTALL,
)
"""nbconvert's scripts for formulas and diagrams in notebooks, which our notebook has none of."""
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video)\b[^>]*\bsrc=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon))[^>]*\bhref=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|\bimport\(\s*["']https?://[^"']+|url\(["']?https?://[^"')]+""",
    re.IGNORECASE,
)


def on_post_page(output: str, **_: Any) -> str:
    """Take out scripts that would fetch others."""
    return _NOTEBOOK_SCRIPTS.sub("", output)


def on_post_build(config: MkDocsConfig, **_: Any) -> None:
    """Fail if a page or a style sheet fetches anything from elsewhere."""
    site = Path(config.site_dir)
    for file in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = _FETCHED.search(file.read_text(encoding="utf-8"))
        if found:
            raise PluginError(f"{file.relative_to(site)} needs a network: {found[0][:200]}")
