"""Import paths: the shared utilities under the names that older code uses."""

from serpentune.cli.utilities import TrainingCLIUtils
from serpentune.common.paths import PathUtils
from serpentune.common.run_log import TrainingLoggingUtils
from serpentune.datasets.directory import DatasetDirectoryManager

__all__ = ["DatasetDirectoryManager", "PathUtils", "TrainingCLIUtils", "TrainingLoggingUtils"]
