"""Import path of the pipeline; `python -m` is `serpentune run`."""

from serpentune.cli.utilities import TrainingCLIUtils
from serpentune.pipeline import MultiDatasetConfig, MultiDatasetPipeline, PipelineResults

__all__ = ["MultiDatasetConfig", "MultiDatasetPipeline", "PipelineResults"]

if __name__ == "__main__":
    TrainingCLIUtils.run_and_exit("run")
