"""How many distinct minima runs found, counted once: the count is kept beside the run's journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from crysim.analysis.metrics import num_distinct_minima
from crysim.crystal import distinct
from crysim.errors import InputError
from crysim.harness.columns import columns_of
from crysim.harness.lines import seal, unseal
from crysim.harness.stored_trials import WORTH_A_CACHE, StoredTrials
from crysim.interfaces import Trial, TrialStatus
from crysim.regular_files import read_text
from crysim.written_files import replace_file

MOST_COUNTED = 20_000
"""Relaxed crystals of a comparison up to which distinct minima are counted: a third of a millisecond each."""
CACHE = "distinct.cache"


def can_be_counted(runs: Sequence[Sequence[Trial]]) -> bool:
    """Whether the runs have few enough relaxed crystals."""
    return sum(len(columns_of(trials).of_status(TrialStatus.RELAXED)) for trials in runs) <= MOST_COUNTED


def num_distinct(trials: Sequence[Trial]) -> int:
    """How many distinct relaxed crystals a run found; of a journal on disk, from its cache if that still holds."""
    if not isinstance(trials, StoredTrials) or len(trials) < WORTH_A_CACHE:
        return num_distinct_minima(trials)
    path, key = trials.path.with_name(CACHE), _key(trials)
    with suppress(InputError, ValueError, TypeError):
        known = unseal(read_text(path, "the count"))
        if known is not None and known.get("key") == key and isinstance(known.get("distinct"), int):
            return int(known["distinct"])
    count = num_distinct_minima(trials)
    with suppress(OSError, InputError):
        replace_file(path, seal({"key": key, "distinct": count}))
    return count


def _key(trials: StoredTrials) -> Any:
    tolerances = [distinct.ENERGY_TOLERANCE, distinct.VOLUME_TOLERANCE, distinct.SAME, distinct.OTHER]
    return json.loads(json.dumps([*trials.key, len(trials), distinct.NUM_NEIGHBOURS, *tolerances]))
