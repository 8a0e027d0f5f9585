"""Tables, and how they are written: on the terminal, as Markdown, CSV, LaTeX and JSON."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

if TYPE_CHECKING:
    from pandas import DataFrame

Value = str | int | float | bool | None
NOTHING = "/"
"""What stands in a cell without a value, as in the paper."""

_SUBSCRIPTS = re.compile(r"(?<=[A-Za-z)])(\d+)")
_TEX = {"&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "±": r"$\pm$", "−": r"$-$", "×": r"$\times$",
        "<": r"\textless{}", ">": r"\textgreater{}", "≤": r"$\leq$", "Å": r"\AA{}", "–": "--"}  # fmt: skip

_MARKED = re.compile(r"[\\|<$`\[]")
"""What a name from data must not begin in Markdown: a column, HTML (a script), mathematics, code or a link."""


@dataclass(frozen=True)
class Column:
    """A column: its key in JSON and CSV, its heading, and how a value is written for people.

    Attributes:
        key: snake_case.
        heading: with the unit.
        form: a format specification (``.2f``), or a function of the value; None: ``str``.
        formula: the values are chemical formulas, whose numbers LaTeX lowers.
        note: a line under the table that says what the values are; columns may share one.
        tex: the heading in LaTeX, where it is not the plain one.
    """

    key: str
    heading: str
    form: str | Callable[[Any], str] | None = None
    formula: bool = False
    note: str = ""
    tex: str = ""

    def text(self, value: Value) -> str:
        """The value as people read it."""
        if value is None or (isinstance(value, float) and not isfinite(value)):
            return NOTHING
        if callable(self.form):
            return self.form(value)
        if self.form is not None and not isinstance(value, str):
            return format(value, self.form)
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Table:
    """A table of plain values.

    Attributes:
        title: one line.
        columns: in order.
        rows: values by column key; a key that is missing has no value.
        notes: lines under the table (what was cut), after those of its columns.
        best: cells that are the best of their kind, ``(row index, column key)``, written bold.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Value], ...]
    notes: tuple[str, ...] = ()
    best: frozenset[tuple[int, str]] = field(default=frozenset())

    @property
    def all_notes(self) -> list[str]:
        """The lines under the table, those of its columns first, each once."""
        return list(dict.fromkeys([*(c.note for c in self.columns if c.note), *self.notes]))

    def texts(self) -> list[list[str]]:
        """The cells as people read them, ``[rows][columns]``."""
        return [[column.text(row.get(column.key)) for column in self.columns] for row in self.rows]

    def select(self, keys: Sequence[str]) -> Table:
        """The table with only the columns of these keys, in this table's order; columns without a value are dropped."""
        used = {key for row in self.rows for key, value in row.items() if value is not None}
        columns = tuple(c for c in self.columns if c.key in keys and c.key in used)
        return replace(self, columns=columns)

    def to_rich(self) -> RichTable:
        """For the terminal."""
        caption = "\n".join(self.all_notes) or None
        table = RichTable(
            title=self.title,
            caption=caption,
            title_justify="left",
            caption_justify="left",
            box=SIMPLE_HEAD,
            collapse_padding=True,
            pad_edge=False,
        )
        texts = self.texts()
        for j, column in enumerate(self.columns):
            numeric = any(isinstance(row.get(column.key), int | float) for row in self.rows)
            # headings may wrap between words, values may not
            width = max(map(len, [*column.heading.split(), *(cells[j] for cells in texts)]))
            table.add_column(column.heading, justify="right" if numeric else "left", min_width=width)
        for i, cells in enumerate(texts):
            table.add_row(*(_bold_rich(text, self._is_best(i, j)) for j, text in enumerate(cells)))
        return table

    def to_markdown(self) -> str:
        """GitHub's Markdown, ending in a newline."""
        head = [column.heading.replace("|", r"\|") for column in self.columns]
        lines = [f"### {self.title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        for i, cells in enumerate(self.texts()):
            escaped = [_MARKED.sub(r"\\\g<0>", text) for text in cells]
            marked = [f"**{text}**" if self._is_best(i, j) else text for j, text in enumerate(escaped)]
            lines.append(f"| {' | '.join(marked)} |")
        if self.all_notes:
            lines += ["", *(f"- {note}" for note in self.all_notes)]
        return "\n".join(lines) + "\n"

    def to_csv(self) -> str:
        """Keys as the header, values unrounded, nothing for no value."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.key for column in self.columns])
        for row in self.rows:
            writer.writerow(["" if row.get(c.key) is None else row[c.key] for c in self.columns])
        return out.getvalue()

    def to_latex(self) -> str:
        """A ``table`` environment with booktabs rules."""
        lines = [r"\begin{table}", r"\centering", rf"\caption{{{_tex(self.title)}}}"]
        lines.append(rf"\begin{{tabular}}{{{'l' * len(self.columns)}}}")
        lines += [r"\toprule", " & ".join(c.tex or _tex(c.heading) for c in self.columns) + r" \\", r"\midrule"]
        for i, cells in enumerate(self.texts()):
            written = [_tex(text, formula=self.columns[j].formula) for j, text in enumerate(cells)]
            written = [rf"\textbf{{{text}}}" if self._is_best(i, j) else text for j, text in enumerate(written)]
            lines.append(" & ".join(written) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [rf"\par\footnotesize {_tex(note)}" for note in self.all_notes]
        return "\n".join([*lines, r"\end{table}"]) + "\n"

    def to_html(self) -> str:
        """An HTML table in a place that scrolls sideways, with its notes under it."""
        numeric = [any(isinstance(row.get(c.key), int | float) for row in self.rows) for c in self.columns]
        kinds = ["" if is_number else "text" for is_number in numeric]
        kinds = [f"{kind} {c.key}" if c.key == "reason" else kind for kind, c in zip(kinds, self.columns, strict=True)]
        head = "".join(
            f'<th class="{k}">{html.escape(c.heading)}</th>' for k, c in zip(kinds, self.columns, strict=True)
        )
        body = []
        for i, cells in enumerate(self.texts()):
            written = []
            for j, text in enumerate(cells):
                shown = html.escape(text)
                if self.columns[j].formula:
                    shown = _SUBSCRIPTS.sub(r"<sub>\1</sub>", shown)
                best = " best" if self._is_best(i, j) else ""
                written.append(f'<td class="{kinds[j]}{best}">{shown}</td>')
            body.append(f"<tr>{''.join(written)}</tr>")
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.all_notes)
        return (
            f'<div class="scroll"><table><caption>{html.escape(self.title)}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(body)}</tbody></table></div>" + (f'<ul class="notes">{notes}</ul>' if notes else "")
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON: title, notes and rows; what is not finite becomes null."""
        rows = [{c.key: _plain(row.get(c.key)) for c in self.columns} for row in self.rows]
        return {"title": self.title, "notes": self.all_notes, "rows": rows}

    def to_dataframe(self) -> DataFrame:
        """A pandas DataFrame with the keys as columns, values unrounded."""
        from pandas import DataFrame

        return DataFrame([{c.key: row.get(c.key) for c in self.columns} for row in self.rows])

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def _is_best(self, row: int, column: int) -> bool:
        return (row, self.columns[column].key) in self.best


def lowest_cells(
    rows: Sequence[Mapping[str, Value]], key: str, group: str | None = None, decimals: int = 2
) -> set[tuple[int, str]]:
    """The cells of a column that are lowest among the rows that share the value of ``group``; ties are all marked."""
    lowest: dict[Value, float] = {}
    for row in rows:
        value = row.get(key)
        if isinstance(value, int | float) and isfinite(value):
            kind = row.get(group) if group else None
            lowest[kind] = min(lowest.get(kind, float("inf")), round(value, decimals))
    best: set[tuple[int, str]] = set()
    for i, row in enumerate(rows):
        value = row.get(key)
        kind = row.get(group) if group else None
        if isinstance(value, int | float) and kind in lowest and round(value, decimals) == lowest[kind]:
            best.add((i, key))
    return best


def _bold_rich(text: str, best: bool) -> str:
    escaped = text.replace("[", r"\[")
    return f"[bold]{escaped}[/bold]" if best else escaped


def _tex(text: str, *, formula: bool = False) -> str:
    if formula:
        return _SUBSCRIPTS.sub(r"$_{\1}$", text)
    return "".join(_TEX.get(character, character) for character in text)


def _plain(value: Value) -> Value:
    return None if isinstance(value, float) and not isfinite(value) else value
