"""Results as a notebook shows them: tables, a curve, and crystals that can be turned, all without a network."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from crysim.analysis.report.drawing import drawn_atoms, drawn_bonds, drawn_edges, element_styles
from crysim.crystal import Crystal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """<style>.crysim table{border-collapse:collapse;margin:.5em 0;font-size:90%}.crysim caption{text-align:left;
font-weight:600;padding:.3em 0}.crysim th,.crysim td{padding:.15em .6em;text-align:right;border-bottom:1px solid #8884}
.crysim .text{text-align:left}.crysim .notes{font-size:85%;opacity:.8}.crysim img{max-width:100%}</style>"""

_VIEWER = """<!doctype html><meta charset="utf-8"><style>body{margin:0}#view{position:absolute;inset:0}</style>
<div id="view"></div><script>VIEWER</script><script>
const data = DATA;
const viewer = $3Dmol.createViewer(document.getElementById("view"), {backgroundColor: "white"});
for (const [kind, x, y, z] of data.atoms)
  viewer.addSphere({center: {x, y, z}, radius: data.styles[kind].radius, color: data.styles[kind].colour});
const point = i => ({x: data.atoms[i][1], y: data.atoms[i][2], z: data.atoms[i][3]});
for (const [i, j] of data.bonds)
  viewer.addCylinder({start: point(i), end: point(j), radius: 0.08, color: "#999999", fromCap: 1, toCap: 1});
for (const [a, b] of data.edges)
  viewer.addLine({start: {x: a[0], y: a[1], z: a[2]}, end: {x: b[0], y: b[1], z: b[2]}, color: "#666666"});
viewer.zoomTo(); viewer.rotate(12, "y"); viewer.rotate(8, "x"); viewer.render();
</script>"""


def crystal_html(crystal: Crystal, *, width: int = 360, height: int = 300) -> str:
    """A crystal in its conventional cell that can be turned with the mouse, as an HTML frame.

    Args:
        crystal: what to show.
        width, height: pixels.
    """
    elements = list(crystal.composition.elements)
    atoms = drawn_atoms(crystal, elements)
    data = {
        "atoms": atoms,
        "bonds": drawn_bonds(atoms, elements),
        "edges": drawn_edges(crystal),
        "styles": element_styles(elements),
    }
    viewer = files("crysim").joinpath("data", "report", "3Dmol-min.js").read_text(encoding="utf-8")
    page = _VIEWER.replace("DATA", json.dumps(data).replace("<", "\\u003c"), 1).replace("VIEWER", viewer, 1)
    return f'<iframe srcdoc="{html.escape(page)}" width="{width}" height="{height}" style="border:0"></iframe>'


def figure_html(figure: Figure) -> str:
    """A matplotlib figure as an image in HTML."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def notebook_page(parts: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Parts of HTML one under another, with notes under them."""
    listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return f'{_STYLE}<div class="crysim">{"".join(parts)}{f"<ul>{listed}</ul>" if listed else ""}</div>'
