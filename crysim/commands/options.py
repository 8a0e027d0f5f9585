"""Options that several commands share, as annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RUN = "What is searched, and how"
PARTS = "Parts and their options"
RELAX = "Relaxation"

Encoder = Annotated[str | None, typer.Option(help="Crystals to bits. Default: crysim.", rich_help_panel=PARTS)]
Surrogate = Annotated[str | None, typer.Option(help="Bits to a quadratic model. Default: fm.", rich_help_panel=PARTS)]
Solver = Annotated[str | None, typer.Option(help="Ising solver. Default: annealer.", rich_help_panel=PARTS)]
Energy = Annotated[str | None, typer.Option(help="Energy model. Default: chgnet.", rich_help_panel=PARTS)]
EncoderOption = Annotated[
    list[str] | None,
    typer.Option("--encoder-option", metavar="KEY=VALUE", help="Of the encoder.", rich_help_panel=PARTS),
]
SurrogateOption = Annotated[
    list[str] | None,
    typer.Option("--surrogate-option", metavar="KEY=VALUE", help="Of the surrogate.", rich_help_panel=PARTS),
]
SurrogateConfig = Annotated[
    Path | None,
    typer.Option(
        "--surrogate-config", help="TOML file of crysim tune: the surrogate and its options.", rich_help_panel=PARTS
    ),
]
SolverOption = Annotated[
    list[str] | None, typer.Option("--solver-option", metavar="KEY=VALUE", help="Of the solver.", rich_help_panel=PARTS)
]
EnergyOption = Annotated[
    list[str] | None,
    typer.Option("--energy-option", metavar="KEY=VALUE", help="Of the energy model.", rich_help_panel=PARTS),
]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="[METHOD.]KEY=VALUE",
        help="Of the strategies, or of one method only.",
        rich_help_panel=PARTS,
    ),
]
Mid = Annotated[
    bool | None,
    typer.Option(
        "--mid/--no-mid",
        help="Strategy crysim: the steps that heed the minimum interatomic distance.",
        show_default=False,
        rich_help_panel=PARTS,
    ),
]
Budget = Annotated[int | None, typer.Option(help="Relaxations of each run. Default: 100.", rich_help_panel=RUN)]
Batch = Annotated[int | None, typer.Option(help="Crystals relaxed together, at most. Default: 8.", rich_help_panel=RUN)]
SpaceGroups = Annotated[
    str | None,
    typer.Option("--space-groups", help="Allowed ones, as in 195-230,Fm-3m. Default: all.", rich_help_panel=RUN),
]
MinDistance = Annotated[
    float | None,
    typer.Option("--min-distance", help="Å, between atoms of random crystals.", rich_help_panel=RUN),
]
PairDistances = Annotated[
    list[str] | None,
    typer.Option(
        "--pair-distance",
        metavar="A-B=Å",
        help="Instead, for a pair of elements, as in Ca-O=2.0; may be repeated.",
        rich_help_panel=RUN,
    ),
]
SeedStructures = Annotated[
    list[str] | None,
    typer.Option(
        "--seed-structure",
        metavar="FILE",
        help="Relaxed before the search, which learns from it: a file, or mp:mp-1234; may be repeated.",
        rich_help_panel=RUN,
    ),
]
Reference = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[FORMULA=]FILE",
        help="Known ground truth: a structure file, or mp:mp-1234 of the Materials Project.",
        rich_help_panel=RUN,
    ),
]
Cell = Annotated[
    str | None,
    typer.Option(
        help="conventional (default) or primitive: the cell that the formula units fill.", rich_help_panel=RUN
    ),
]
Units = Annotated[
    str | None,
    typer.Option("--z", help="Formula units per cell, as in 4, 1-4 or 1,2,4. Default: 1.", rich_help_panel=RUN),
]
Workers = Annotated[int | None, typer.Option(help="Worker processes. Default: 1.", rich_help_panel=RUN)]
Threads = Annotated[int | None, typer.Option(help="Threads of each process. Default: 1.", rich_help_panel=RUN)]
Fmax = Annotated[
    float | None, typer.Option(help="Largest force at convergence, eV/Å. Default: 0.005.", rich_help_panel=RELAX)
]
MaxSteps = Annotated[int | None, typer.Option("--max-steps", help="Default: 500.", rich_help_panel=RELAX)]
Pressure = Annotated[float | None, typer.Option(help="GPa. Default: 0.", rich_help_panel=RELAX)]
Symmetry = Annotated[
    str | None,
    typer.Option(help="keep, release or polish. Default: the energy model's.", rich_help_panel=RELAX),
]
Timeout = Annotated[float | None, typer.Option(help="Seconds for one relaxation.", rich_help_panel=RELAX)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
