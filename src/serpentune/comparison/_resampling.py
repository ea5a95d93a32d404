"""Floor 9, comparison: how often games are resampled, so that what is asked for can be shown."""

from __future__ import annotations

from serpentune.common.errors import UserError
from serpentune.statistics import MOST_RESAMPLES, plain, resamples_for


def enough_resamples(level: float, *, tests: int = 1) -> int:
    """As many as intervals of this level and a family of `tests` tests take.

    Raises:
        UserError: the level is none, or it takes too many.
    """
    if not 0.5 <= level < 1:
        raise UserError(f"The confidence level is {level}; it lies between 0.5 and 1, 0.95 by default.")
    try:
        return resamples_for(level, tests=tests)
    except ValueError as error:
        raise UserError(
            f"A confidence level of {level}, with up to {tests:,} tests, takes more than {plain(MOST_RESAMPLES)} "
            "resamples of each. Choose a lower level, or compare fewer models or metrics."
        ) from error
