"""Runs made by hand, as records and as a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crysim.analysis.comparison import Comparison
from crysim.analysis.references import compare_records, load_references
from crysim.harness.journal import RunRecord
from crysim.harness.systems import find_system
from crysim.interfaces import Candidate, Frame
from crysim.testing.trials import make_trial

M3GNET = {"model": "m3gnet", "weights_sha256": "a9aa723705bd1a242ec8749332f137811c4a94e17995a564f8f94a9aca68061b"}


def make_record(
    system: str,
    method: str,
    seed: int,
    energies: list[float | None],
    *,
    info: Mapping[str, Any] | None = None,
    fingerprint: Mapping[str, str] | None = None,
    pressure: float = 0.0,
) -> RunRecord:
    crystal = find_system(system).reference
    assert crystal is not None
    trials = tuple(
        make_trial(
            i,
            Candidate(crystal, info=info or {}, seconds={"train": 0.25, "solve": 0.5}),
            energy,
            frames=() if energy is None else (Frame(crystal, energy),),
            evaluations=2,
            seconds=1.0,
            reason="it broke <here>" if energy is None else "",
        )
        for i, energy in enumerate(energies)
    )
    config = {
        "system": system,
        "method": method,
        "seed": seed,
        "budget": 4,
        "relax": {"pressure": pressure},
        "parts": {},
    }
    manifest = {"config": config, "fingerprint": fingerprint or M3GNET, "versions": {}}
    return RunRecord(Path(f"{system}-{method}-{seed}"), manifest, trials)


@pytest.fixture(scope="module")
def record_of() -> Callable[..., RunRecord]:
    return make_record


@pytest.fixture(scope="module")
def records() -> list[RunRecord]:
    fit = {"fit": {"train_pcc": 0.9, "validation_pcc": None, "validation_rmse": 0.1}}
    return [
        make_record("Ca4S4", "random", 0, [-40.0, None, -41.0, -41.0]),
        make_record("Ca4S4", "random", 1, [-39.0, -39.5, -40.0]),
        make_record("Ca4S4", "crysim", 0, [-41.59, -41.5917, -41.0, -41.0], info=fit),
        make_record("ScBe5", "crysim", 0, [-20.0, -26.0, -26.0, -26.2391], info=fit),
    ]


@pytest.fixture(scope="module")
def recorded(records: list[RunRecord], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare_records(records, load_references(tmp_path_factory.mktemp("none"), records))
