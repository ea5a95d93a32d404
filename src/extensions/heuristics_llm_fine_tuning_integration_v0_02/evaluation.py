"""Import path of the evaluation; `python -m` is `serpentune evaluate`."""

from serpentune.cli.utilities import TrainingCLIUtils
from serpentune.evaluation import EvaluationReport, EvaluationResult, EvaluationSettings, EvaluationSuite

__all__ = ["EvaluationReport", "EvaluationResult", "EvaluationSettings", "EvaluationSuite"]

if __name__ == "__main__":
    TrainingCLIUtils.run_and_exit("evaluate")
