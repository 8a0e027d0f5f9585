"""An energy model of its own: Lennard-Jones pairs with a diameter for each element, relaxed by scipy's L-BFGS.

The start is symmetric, and so are its forces: a relaxation never leaves the space group.
"""

from collections.abc import Mapping
from importlib.metadata import version
from time import perf_counter

import numpy as np

from crysim import hookimpl
from crysim.errors import InputError
from crysim.interfaces import EnergyModel, Frame, Relaxation, RelaxStatus

EV_PER_GPA_A3 = 1 / 160.21766208
MOST_IMAGES = 20_000


class LennardJones(EnergyModel):
    name = "lennard-jones"

    def __init__(
        self,
        *,
        epsilon: float = 0.1,
        sigma: float = 2.4,
        sigmas: Mapping[str, float] | None = None,
        cutoff: float = 3.0,
    ) -> None:
        """``epsilon`` in eV; ``sigma`` in Å, or by element in ``sigmas``; ``cutoff`` in diameters."""
        if not (epsilon > 0 and sigma > 0 and cutoff > 1):
            raise InputError("energy 'lennard-jones': epsilon and sigma are positive, and cutoff is above 1")
        self._epsilon, self._sigma, self._sigmas, self._reach = epsilon, sigma, dict(sigmas or {}), cutoff

    def fingerprint(self):
        options = {
            "epsilon": self._epsilon,
            "sigma": self._sigma,
            "sigmas": sorted(self._sigmas.items()),
            "cutoff": self._reach,
        }
        return {"model": self.name, "version": version("crysim-lennard-jones")} | {
            k: str(v) for k, v in options.items()
        }

    def energies(self, crystals):
        return np.array([self._evaluate(c, c.lattice, c.frac_coords)[0] for c in crystals], dtype=np.float64)

    def relax(self, crystals, settings):
        if settings.symmetry not in (None, "keep"):
            raise InputError(f"energy 'lennard-jones' keeps the symmetry: it cannot {settings.symmetry} it")
        return [_Descent(self, crystal, settings).run() for crystal in crystals]

    def _evaluate(self, crystal, lattice, frac_coords):
        """Energy (eV), forces ``[n, 3]`` (eV/Å) and dE/dstrain ``[3, 3]`` (eV); NaN where atoms fall together."""
        sigma = np.array([self._sigmas.get(element, self._sigma) for element in crystal.species])
        sigma = (sigma[:, None] + sigma[None]) / 2
        heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
        reach = np.ceil(self._reach * sigma.max() / heights).astype(int) + 1
        if np.prod(2 * reach + 1) > MOST_IMAGES:
            return np.nan, np.full((len(sigma), 3), np.nan), np.full((3, 3), np.nan)
        images = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
        steps = frac_coords[None] - frac_coords[:, None]
        i, j, t = np.indices((len(sigma), len(sigma), len(images))).reshape(3, -1)
        vectors = (steps[i, j] - np.rint(steps[i, j]) + images[t]) @ lattice  # from i to an image of j
        squares = (vectors**2).sum(axis=1)
        near = (squares < (self._reach * sigma[i, j]) ** 2) & ((i != j) | images[t].any(axis=1))
        i, vectors, r, s = i[near], vectors[near], np.sqrt(squares[near]), sigma[i, j][near]
        with np.errstate(all="ignore"):
            energy, slope = _pair(s / r), -_pair_slope(s / r) * s / r**2  # dE/dr = dE/d(s/r) * d(s/r)/dr
            edge_slope = -_pair_slope(1 / self._reach) / self._reach**2 / s
            # Shifted so that neither the energy nor the force jumps at the cutoff.
            energy = energy - _pair(1 / self._reach) - (r - self._reach * s) * edge_slope
            pulls = self._epsilon * ((slope - edge_slope) / r)[:, None] * vectors
            forces = np.zeros((len(sigma), 3))
            np.add.at(forces, i, pulls)
            total = float(0.5 * self._epsilon * energy.sum())
        return (total if np.isfinite(total) else np.nan), forces, 0.5 * vectors.T @ pulls


def _pair(u):
    return 4 * (u**12 - u**6)


def _pair_slope(u):
    return 4 * (12 * u**11 - 6 * u**5)


class _StopError(Exception):
    """The message is the reason; empty: it has converged."""


class _Descent:
    """One relaxation. Variables: a deformation of the cell, times the number of atoms, and undeformed positions."""

    def __init__(self, model, crystal, settings):
        self.model, self.crystal, self.settings, self.began = model, crystal, settings, perf_counter()
        self.evaluations, self.steps, self.path = 0, 0, []
        self.n, self.pressure = crystal.num_atoms, settings.pressure * EV_PER_GPA_A3

    def run(self):
        from scipy.optimize import minimize  # here, since every command of crysim loads this module

        x = np.concatenate([self.n * np.eye(3).ravel(), (self.crystal.frac_coords @ self.crystal.lattice).ravel()])
        try:
            self._note(x)
            # ftol and gtol of 0: the forces alone say when it ends.
            options = {"maxiter": self.settings.max_steps, "maxfun": 10**6, "ftol": 0.0, "gtol": 0.0}
            minimize(self._objective, x, jac=True, method="L-BFGS-B", callback=self._step, options=options)
            reason = f"a force of {self.force:.3g} eV/Å is left after {self.steps} steps"
        except _StopError as stop:
            reason = str(stop)
        if reason.startswith("failed: "):
            return Relaxation(
                RelaxStatus.FAILED, None, None, self.steps, self.evaluations, None, (), self._seconds(), reason[8:]
            )
        places = np.unique(np.linspace(0, len(self.path) - 1, self.settings.num_frames).astype(int))
        frames = tuple(Frame(self.crystal.project(*self.path[i][1:]), self.path[i][0]) for i in places)
        energy, lattice, frac_coords = self.path[-1]
        return Relaxation(
            status=RelaxStatus.NOT_CONVERGED if reason else RelaxStatus.RELAXED,
            crystal=self.crystal.project(lattice, frac_coords),
            energy=energy,
            steps=self.steps,
            evaluations=self.evaluations,
            max_force=self.force,
            frames=frames,
            seconds=self._seconds(),
            reason=reason,
        )

    def _seconds(self):
        return perf_counter() - self.began

    def _objective(self, x):
        """Enthalpy and its gradient; where a step breaks the cell, so much that the line search turns back."""
        energy, forces, strain, deformation, _, _ = self._look(x)
        if not np.isfinite(energy):
            return 1e6, np.zeros_like(x)
        cell = np.linalg.solve(deformation.T, strain) / self.n
        return energy, np.concatenate([cell.ravel(), -(forces @ deformation.T).ravel()])

    def _look(self, x):
        if self.settings.timeout is not None and self._seconds() > self.settings.timeout:
            raise _StopError(f"failed: the time limit of {self.settings.timeout:g} s is over")
        self.evaluations += 1
        deformation = x[:9].reshape(3, 3) / self.n
        lattice = self.crystal.lattice @ deformation
        volume = np.linalg.det(lattice)
        frac_coords = np.linalg.solve(self.crystal.lattice.T, x[9:].reshape(-1, 3).T).T
        if volume < self.n:  # 1 Å^3 an atom
            return np.nan, None, None, deformation, lattice, frac_coords
        energy, forces, strain = self.model._evaluate(self.crystal, lattice, frac_coords)
        work = self.pressure * volume
        return energy + work, forces, strain + work * np.eye(3), deformation, lattice, frac_coords

    def _step(self, x):
        self.steps += 1
        self._note(x)

    def _note(self, x):
        energy, forces, strain, _, lattice, frac_coords = self._look(x)
        if not np.isfinite(energy):
            raise _StopError("failed: the energy is not finite")
        self.path.append((float(energy), lattice, frac_coords))
        self.force = float(np.linalg.norm(np.concatenate([forces, strain / self.n]), axis=1).max())
        if self.force < self.settings.fmax:
            raise _StopError


@hookimpl
def crysim_energies():
    return [LennardJones]
