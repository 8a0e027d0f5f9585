"""Exact solvers of others on the models of solvers.py: SCIP and HiGHS, which like `convex` also bound the minimum.

    pip install pyscipopt highspy

With z = Wᵀ x the energy of a factorization machine is a linear function of the bits plus half of z², which is convex:
SCIP takes that as a mixed-integer quadratic program. HiGHS takes mixed-integer linear programs only, so it gets half
of every z_k² from below, by tangents: at the solutions of the continuous relaxation first, then at those of the
integer program, which is solved again with each until its bound meets the best vector (outer approximation; Duran and
Grossmann, Math. Program. 36, 307 (1986)). Both get the bounds of z that the groups imply. One constraint for the sum of
the squares served SCIP better than one for each (3.1 against 6.4 s to the proof on Y6Co51-g5-later).

Each keeps a history of (seconds, best energy, bound), so one run says what a shorter one would have shown.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np

from crysim.interfaces import SampleSet
from crysim.quadratic import QuadraticModel
from crysim_solvers.samples import collect

TOLERANCE = 1e-6
"""Relative gap at which a bound counts as a proof: constraints of both solvers hold to 1e-6."""
_UNKNOWN = 1e19
"""Solvers' infinity: of an energy, that there is no vector yet, of a bound, that there is none."""
_LP_SHARE = 0.3
"""Of the time that HiGHS may take for tangents at the continuous relaxation."""


def _reach(model: QuadraticModel) -> tuple[Any, Any]:
    """The least and the greatest value of every z_k that the groups admit, ``[K]`` each."""
    assert model.factors is not None
    grouped = np.zeros(model.num_bits, dtype=np.bool_)
    least = np.zeros(model.factors.shape[1])
    most = np.zeros(model.factors.shape[1])
    for group in model.groups:
        grouped[group.slice] = True
        rows = np.sort(model.factors[group.slice], axis=0)
        least += rows[: group.k].sum(axis=0)
        most += rows[group.size - group.k :].sum(axis=0)
    alone = model.factors[~grouped]
    return least + np.minimum(alone, 0.0).sum(axis=0), most + np.maximum(alone, 0.0).sum(axis=0)


class _History:
    """What a solver knew when: seconds since its start, its best energy, its bound."""

    def __init__(self, begin: float) -> None:
        self._begin = begin
        self.rows: list[tuple[float, float | None, float | None]] = []

    def note(self, best: float, bound: float) -> None:
        """Remember a change; what is not known yet is None."""
        known = tuple(float(value) if abs(value) < _UNKNOWN else None for value in (best, bound))
        if not self.rows or self.rows[-1][1:] != known:
            self.rows.append((round(time.perf_counter() - self._begin, 4), *known))  # type: ignore[arg-type]


def _slack(energy: float) -> float:
    return TOLERANCE * (1.0 + abs(energy))


def _met(best: float, bound: float | None) -> bool:
    """Whether a bound proves that the best energy is the lowest."""
    return bound is not None and np.isfinite(best) and abs(best - bound) <= _slack(best)


class ScipPeer:
    """SCIP on the convex mixed-integer quadratic program, one thread, its clock the process's CPU time."""

    name: ClassVar[str] = "scip"

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why not, or None."""
        return None if model.is_low_rank else "scip: only models of factorization machines"

    def solve(self, model: QuadraticModel, *, num_samples: int, time_limit: float, seed: int = 0) -> SampleSet:
        """The vectors that SCIP holds at its end, and its bound."""
        from pyscipopt import SCIP_EVENTTYPE, Eventhdlr, Model, quicksum

        assert model.factors is not None
        begin = time.perf_counter_ns()
        history = _History(begin / 1e9)

        class Watch(Eventhdlr):  # type: ignore[misc]
            events = (SCIP_EVENTTYPE.BESTSOLFOUND, SCIP_EVENTTYPE.LPSOLVED, SCIP_EVENTTYPE.NODESOLVED)

            def eventinit(self) -> None:
                for event in self.events:
                    self.model.catchEvent(event, self)

            def eventexit(self) -> None:
                for event in self.events:
                    self.model.dropEvent(event, self)

            def eventexec(self, event: Any) -> None:
                history.note(self.model.getPrimalbound(), self.model.getDualbound())

        scip = Model()
        scip.hideOutput()
        scip.setParams({"timing/clocktype": 1, "randomization/randomseedshift": seed, "lp/threads": 1})
        linear = model.linear - 0.5 * model.factor_norms
        bits = [scip.addVar(vtype="B", obj=float(h)) for h in linear]
        half_square = scip.addVar(lb=0.0, obj=1.0)
        scip.addObjoffset(model.offset)
        for group in model.groups:
            scip.addCons(quicksum(bits[group.slice]) == group.k)
        sums = []
        for column, least, most in zip(model.factors.T, *_reach(model), strict=True):
            z = scip.addVar(lb=float(least), ub=float(most))
            scip.addCons(quicksum(float(w) * x for w, x in zip(column, bits, strict=True) if w) == z)
            sums.append(z)
        scip.addCons(quicksum(0.5 * z * z for z in sums) <= half_square)
        scip.includeEventhdlr(Watch(), "watch", "keeps the history")
        scip.setParam("limits/time", max(0.1, time_limit - (time.perf_counter_ns() - begin) / 1e9))
        scip.optimize()
        found = [[scip.getSolVal(one, x) > 0.5 for x in bits] for one in scip.getSols()[:num_samples]]
        bound = float(scip.getDualbound())
        history.note(scip.getPrimalbound(), bound)
        samples = collect(model, found, num_samples=num_samples, begin=begin, lower_bound=bound)
        return _proven(samples, {"nodes": scip.getNNodes(), "status": scip.getStatus(), "history": history.rows})


class HighsPeer:
    """HiGHS on the tangents of the convex part, one thread, stopped by the process's CPU time."""

    name: ClassVar[str] = "highs"

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why not, or None."""
        return None if model.is_low_rank else "highs: only models of factorization machines"

    def solve(self, model: QuadraticModel, *, num_samples: int, time_limit: float, seed: int = 0) -> SampleSet:
        """The vectors of every integer program, and the best bound of any."""
        begin = time.perf_counter_ns()
        search = _Outer(model, begin / 1e9, time_limit, seed)
        search.relax(begin / 1e9 + _LP_SHARE * time_limit)
        search.run()
        samples = collect(model, search.found, num_samples=num_samples, begin=begin, lower_bound=search.bound)
        info = {"programs": search.programs, "tangents": search.tangents, "history": search.history.rows}
        return _proven(samples, info)


class _Outer:
    """Outer approximation: a linear program that learns tangents of z_k²/2 until its minimum is the model's."""

    def __init__(self, model: QuadraticModel, begin: float, time_limit: float, seed: int) -> None:
        import highspy

        assert model.factors is not None
        self._model, self._factors, self._deadline = model, model.factors, begin + time_limit
        self.history = _History(begin)
        self._bits, self._rank = model.num_bits, model.factors.shape[1]
        self.found: list[Any] = []
        self.bound, self.best = -np.inf, np.inf
        self.programs = self.tangents = 0
        self._highs = highspy.Highs()
        for key, value in {
            "output_flag": False,
            "log_to_console": False,
            "threads": 1,
            "random_seed": seed,
            "mip_rel_gap": 0.0,
        }.items():
            self._highs.setOptionValue(key, value)
        self._build(highspy)

    def _build(self, highspy: Any) -> None:
        """Columns: the bits, z_k, and t_k ≥ z_k²/2; rows: groups and z = Wᵀ x."""
        m, k, highs = self._bits, self._rank, self._highs
        model, inf = self._model, highspy.kHighsInf
        least, most = _reach(model)
        cost = np.concatenate([model.linear - 0.5 * model.factor_norms, np.zeros(k), np.ones(k)])
        lower = np.concatenate([np.zeros(m), least, np.zeros(k)])
        upper = np.concatenate([np.ones(m), most, np.full(k, inf)])
        highs.addVars(m + 2 * k, lower, upper)
        highs.changeColsCost(m + 2 * k, np.arange(m + 2 * k, dtype=np.int32), cost)
        highs.changeObjectiveOffset(model.offset)
        for group in model.groups:
            members = np.arange(group.start, group.stop, dtype=np.int32)
            highs.addRow(group.k, group.k, group.size, members, np.ones(group.size))
        for number in range(k):
            column = np.append(np.arange(m, dtype=np.int32), np.int32(m + number))
            highs.addRow(0.0, 0.0, m + 1, column, np.append(self._factors[:, number], -1.0))
            self._tangent(number, 0.0)

    def _tangent(self, number: int, at: float) -> None:
        """t ≥ at·z − at²/2."""
        columns = np.array([self._bits + self._rank + number, self._bits + number], dtype=np.int32)
        self._highs.addRow(-0.5 * at * at, np.inf, 2, columns, np.array([1.0, -at]))
        self.tangents += 1

    def _cut(self, solution: Any) -> bool:
        """Add the tangents that a solution breaks; False if it breaks none."""
        z = solution[self._bits : self._bits + self._rank]
        t = solution[self._bits + self._rank :]
        broken = np.flatnonzero(t < 0.5 * z * z - _slack(self.bound) / self._rank)
        for number in broken:
            self._tangent(int(number), float(z[number]))
        return bool(broken.size)

    def relax(self, until: float) -> None:
        """Tangents at the continuous relaxation's solutions."""
        from highspy import HighsModelStatus

        optimal = HighsModelStatus.kOptimal
        while time.perf_counter() < until:
            self._highs.run()
            solution = np.array(self._highs.getSolution().col_value)
            if self._highs.getModelStatus() != optimal:
                break
            self._bound(float(self._highs.getInfo().objective_function_value))
            if not self._cut(solution):
                break

    def run(self) -> None:
        """Integer programs, each with the tangents of the one before."""
        import highspy

        highs, m = self._highs, self._bits
        highs.changeColsIntegrality(m, np.arange(m, dtype=np.int32), np.full(m, highspy.HighsVarType.kInteger))
        highs.cbMipInterrupt.subscribe(self._interrupt)
        highs.cbMipImprovingSolution.subscribe(lambda event: self._take(np.array(event.data_out.mip_solution)))
        while time.perf_counter() < self._deadline and not _met(self.best, self.bound):
            highs.run()
            self.programs += 1
            info = highs.getInfo()
            self._bound(float(info.mip_dual_bound))
            solution = np.array(highs.getSolution().col_value)
            if not highs.getSolution().value_valid:
                break
            self._take(solution)
            if not self._cut(solution):
                break

    def _bound(self, bound: float) -> None:
        self.bound = max(self.bound, bound)
        self.history.note(self.best, self.bound)

    # Bounds are taken when a program ends: during one the callbacks also tell those of the restricted programs that
    # HiGHS solves to find vectors, which bound nothing.
    def _interrupt(self, event: Any) -> None:
        if time.perf_counter() > self._deadline:
            event.data_in.user_interrupt = True

    def _take(self, solution: Any) -> None:
        bits = solution[: self._bits] > 0.5
        self.found.append(bits)
        self.best = min(self.best, float(self._model.energies(bits)))
        self.history.note(self.best, self.bound)


PROVING = {peer.name: peer for peer in (ScipPeer, HighsPeer)}


def _proven(samples: SampleSet, info: dict[str, Any]) -> SampleSet:
    """The same, optimal if the bound says so."""
    best = float(samples.energies[0]) if len(samples.energies) else np.inf
    bound = samples.lower_bound
    optimal = _met(best, bound)
    finite = bound if bound is not None and abs(bound) < 1e19 else None
    return SampleSet(samples.bits, samples.energies, samples.timing, finite, optimal, {**samples.info, **info})
