"""Floor 7, statistics: several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's step-down adjustment (Holm 1979), by statsmodels; compare the result with the level as it stands.

    None stands for a row that was not tested: it stays None and doesn't count in the family.

    Raises:
        ValueError: a p-value lies outside 0 to 1.
    """
    from statsmodels.stats.multitest import multipletests

    tested = [p for p in p_values if p is not None]
    if not all(0 <= p <= 1 for p in tested):
        raise ValueError("a p-value lies between 0 and 1")
    if not tested:
        return tuple(p_values)
    adjusted = iter(multipletests(tested, method="holm")[1].tolist())
    return tuple(None if p is None else float(next(adjusted)) for p in p_values)
