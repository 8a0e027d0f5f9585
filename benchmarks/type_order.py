"""How early the structure type that a compound has stands among those that are tried for it.

    python benchmarks/type_order.py [--out results/types]

Compounds whose type is known from the literature, by the number of its group; for those that split or merge the
elements of their type, the formula of the type's crystal, and where it matters the Wyckoff letter of an element. None
of them is in another table of results. The weights of `crysim.crystal.fillings` were chosen on them (mean logarithm of
the rank, on a grid), so this table says how well they fit, and not how well they will do.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import spglib

from crysim.analysis.tables import Column, Table, Value
from crysim.composition import Composition
from crysim.crystal.fillings import Filling, changed, exchanged
from crysim.crystal.identify import spglib_cell
from crysim.crystal.structure_types import structure_types
from crysim.crystal.templates import templates

EXCHANGED = """
MgO 225, KBr 225, TiN 225, PbS 225, LaN 225, SnTe 225, CsBr 221, NiAl 221, GaP 216, CuCl 216, InSb 216, HgTe 216,
GaN 186, AlN 186, NiSb 194, CoTe 194, WC 187, NbP 109, PtS 131, TiB 62, TaB 63, CaSi 63, SnO 129, FeSe 129, LiZn 227,
FePt 123, TiAl 123, BaF2 225, CeO2 225, Li2O 225, Mg2Si 225, SnO2 136, MgF2 136, RuO2 136, TiS2 164, WS2 194, MoSe2 194,
MgB2 191, TiB2 191, WSi2 139, CaC2 139, Fe2B 140, NiS2 205, MnS2 205, FeSe2 58, ThSi2 141, SrSi2 212, PbBr2 62,
BaBr2 62, Mn2Sb 129, ZrV2 227, CaMg2 194, YCu2 74, KHg2 74, CeCu2 74, ReO3 221, Na3P 194, Li3Bi 225, Fe3Al 225,
Ni3Al 221, Nb3Sn 223, V3Ga 223, RhSb3 204, IrP3 204, TbF3 62, YCl3 12, LaCl3 176, Mn3P 82, Ni3P 82, SrAl4 139,
La3Te4 220, SmCo5 191, LaNi5 191, CaB6 221, CaZn13 226, Cr2O3 167, Ce2O3 164, Mg3Sb2 164, Bi2Se3 166, Sb2Te3 166,
Bi2S3 62, Sb2Se3 62, Ta5Si3 140, Y5Si3 193, KMgF3 221, BaZrO3 221, LaFeO3 62, YAlO3 62, MnTiO3 148, NiTiO3 148,
LiTaO3 161, NaNO3 167, MgCO3 167, SrCO3 62, KNO3 62, ZnAl2O4 227, CdCr2S4 227, Fe2SiO4 62, Sr2TiO4 139, K2MgF4 139,
YVO4 141, YPO4 141, CaMoO4 88, PbWO4 88, ZnWO4 13, CePO4 14, PbCrO4 14, SrSO4 62, KClO4 62, NaClO4 63, ZnGeP2 122,
CuInSe2 122, NaTiO2 166, ZrNiSn 216, TiCoSb 216, Ni2MnGa 225, Fe2VAl 225, BiOCl 129, BaFCl 129, YNiAl 189, Ti2AlC 194,
V2GeC 194, SrNi2P2 139, LaRu2Si2 139, La2O2S 164, CaZn2P2 164, Cu3NbS4 215, MgNb2O6 60, MnTa2O6 60, MgTi2O5 63,
Al2TiO5 63, Sr3Zr2O7 139, Y2Ti2O7 227, La2Zr2O7 227, Cs2SnI6 225, K2SiF6 225, Mg3Al2Si3O12 230, Ba2MgWO6 225,
Cs2AgBiBr6 225, K2NaAlF6 225, LaFeAsO 129, BiCuSeO 129, Ca5P3O12Cl 176
"""
CHANGED = """
In2O3 FeMn3O6, Y2O3 FeMn3O6, Dy2O3 FeMn3O6, Mn2O3 FeMn3O6, Sc2O3 FeMn3O6, Y3Fe5O12 Al2Co3O12Si3 Y:c,
Gd3Ga5O12 Al2Co3O12Si3 Gd:c, LiMnPO4 Mg2SiO4 Li:a, LiMgPO4 Mg2SiO4 Li:a, NaMnPO4 Mg2SiO4, NaCoPO4 Mg2SiO4,
CaMgSiO4 Mg2SiO4 Mg:a, TiNiSi Co2Si, CoTiGe Co2Si, ZrNiP Co2Si, MgSrSi Co2Si, BaMgSi Co2Si, Mo5SiB2 B3Cr5 Si:a,
Nb5SiB2 B3Cr5 Si:a, CaCu2Ge2 Al4Ba Ca:a, GdFe2Si2 Al4Ba Gd:a, LaMn2Si2 Al4Ba La:a, KCu2Se2 Al4Ba K:a, CaMn2Sb2 La2O3,
CaMg2Bi2 La2O3, YbZn2Sb2 La2O3, HoNiAl Fe2P, ZrRuP Fe2P, CuCo2S4 Co3O4, GdCo3B2 CaCu5 Gd:a, CeCo3B2 CaCu5 Ce:a,
YRh3B2 CaCu5 Y:a, CaFe4Al8 Mn12Th Ca:a, GdFe4Al8 Mn12Th Gd:a, YFe4Al8 Mn12Th Y:a
"""
EARLY = (1, 3, 10, 40)
SYMPREC = 0.01


def main() -> None:
    """Rank the types of every compound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/types"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows: list[dict[str, Value]] = []
    for kind, formula, type_, fillings, right in _ranked():
        rank = None if right is None else 1 + sum(one.unlikeness < right.unlikeness - 1e-9 for one in fillings)
        rows.append({"compound": formula, "kind": kind, "type": type_, "rank": rank, "ways": len(fillings)})
    columns = (
        Column("compound", "compound", formula=True),
        Column("kind", "the type's elements"),
        Column("type", "type: group, or formula"),
        Column("rank", "rank"),
        Column("ways", "of"),
    )
    table = Table(
        "Where the type that a compound has stands among those tried for it", columns, tuple(rows), _notes(rows)
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "order.md").write_text(table.to_markdown() + "\n")
    print("\n".join(_notes(rows)))


def compounds() -> Iterator[tuple[Composition, Filling | None]]:
    """Each compound's formula unit, and the likeliest way to put it in the type that it has."""
    for _, formula, _, _, right in _ranked():
        yield Composition.from_formula(formula), right


def _ranked() -> Iterator[tuple[str, str, str, list[Filling], Filling | None]]:
    """Kind, compound and type; all ways to put it in types, and the likeliest of those in its own."""
    known = list(templates(None, library=True))
    means = {one.label: (one.formula, str(one.space_group)) for one in structure_types()}
    for kind, text in (("exchanged", EXCHANGED), ("split or merged", CHANGED)):
        for item in text.replace("\n", " ").split(","):
            formula, type_, *site = item.split()
            unit = Composition.from_formula(formula)
            fillings = [filling for one in known for ways in (exchanged, changed) for filling in ways(one, unit)]
            right = [
                filling
                for filling in fillings
                if filling.changed == (kind != "exchanged")
                and type_ in means[filling.template.label]
                and (not site or _holds(filling, *site[0].split(":")))
            ]
            yield kind, formula, type_, fillings, min(right, key=lambda one: one.unlikeness, default=None)


def _holds(filling: Filling, element: str, letter: str) -> bool:
    """Whether an element has the orbits of one Wyckoff letter, and no others."""
    structure = filling.template.structure
    letters = spglib.get_symmetry_dataset(spglib_cell(structure), symprec=SYMPREC).wyckoffs
    return {letters[i] for i, one in enumerate(filling.elements()) if one == element} == {letter}


def _notes(rows: list[dict[str, Value]]) -> tuple[str, ...]:
    notes = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        ranks = [row["rank"] for row in rows if row["kind"] == kind]
        found = np.array([rank for rank in ranks if rank is not None], dtype=float)
        early = ", ".join(f"{np.sum(found <= n)} among the first {n}" for n in EARLY)
        notes.append(
            f"{kind}: {len(ranks)} compounds, geometric mean of the rank {np.exp(np.log(found).mean()):.2f}; {early}"
        )
    return tuple(notes)


if __name__ == "__main__":
    main()
