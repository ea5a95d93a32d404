"""Floor 11, pipeline: composes the floors and does no work of its own: the run from logs to report, and the demo.

Importing it is quick: torch and its kin are imported when a run needs them.
"""

from serpentune.pipeline._results import PipelineInterrupted, PipelineResults
from serpentune.pipeline.config import MultiDatasetConfig
from serpentune.pipeline.demo import DemoResult, DemoSettings, run_demo
from serpentune.pipeline.run import MultiDatasetPipeline

__all__ = [
    "DemoResult",
    "DemoSettings",
    "MultiDatasetConfig",
    "MultiDatasetPipeline",
    "PipelineInterrupted",
    "PipelineResults",
    "run_demo",
]
