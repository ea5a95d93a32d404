"""Import path of the comparison; `python -m` is `serpentune compare`."""

from serpentune.cli.utilities import TrainingCLIUtils
from serpentune.comparison import ComparisonReport, MetricComparison, ModelComparator

__all__ = ["ComparisonReport", "MetricComparison", "ModelComparator"]

if __name__ == "__main__":
    TrainingCLIUtils.run_and_exit("compare")
