"""Floor 7, statistics: one small function per statistical question, on SciPy and statsmodels.

What data show is a `Finding`: estimate, interval, p-value where there is a test, effect size with its name, number of
observations, method, and a sentence; what isn't defined there is None with a reason, never NaN. How many games a plan
takes is a plain number, and `holm` gives p-values for p-values. Randomness comes in as an explicit generator. Knows
nothing of Snake or of models.
"""

from serpentune.statistics._effects import cliffs_delta, cohens_d, cohens_dz, pairing_correlation
from serpentune.statistics._equivalence import equivalence
from serpentune.statistics._families import holm
from serpentune.statistics._finding import EffectSize, Finding, Interval, p_text, plain
from serpentune.statistics._means import (
    MOST_RESAMPLES,
    RESAMPLES,
    bca_interval,
    clustered_share,
    interquartile_mean,
    mean_interval,
    paired_mean_interval,
    paired_permutation,
    resamples_for,
)
from serpentune.statistics._planning import correlation_range, games_for_means, games_for_shares
from serpentune.statistics._power import fewest_pairs, pairs_needed
from serpentune.statistics._ratios import parts_difference, ratio_parts
from serpentune.statistics._seeds import FEWEST_SEEDS, seed_level_difference, seed_level_mean
from serpentune.statistics._shares import mcnemar_exact, wilson_interval

__all__ = [
    "FEWEST_SEEDS",
    "MOST_RESAMPLES",
    "RESAMPLES",
    "EffectSize",
    "Finding",
    "Interval",
    "bca_interval",
    "cliffs_delta",
    "clustered_share",
    "cohens_d",
    "cohens_dz",
    "correlation_range",
    "equivalence",
    "fewest_pairs",
    "games_for_means",
    "games_for_shares",
    "holm",
    "interquartile_mean",
    "mcnemar_exact",
    "mean_interval",
    "p_text",
    "paired_mean_interval",
    "paired_permutation",
    "pairing_correlation",
    "pairs_needed",
    "parts_difference",
    "plain",
    "ratio_parts",
    "resamples_for",
    "seed_level_difference",
    "seed_level_mean",
    "wilson_interval",
]
