"""Floor 10, report: self-contained pages about results, a data set or one game; results as data; boards as pictures.

It reads evaluation results, comparisons and data sets, and knows nothing of how they were made.
"""

from serpentune.report._board import board_svg
from serpentune.report._dataset import write_dataset_report
from serpentune.report._files import FORMATS, report_files
from serpentune.report._folders import report_folders
from serpentune.report._watched import check_game_file, save_game
from serpentune.report._write import write_report
from serpentune.report.effects import plot_effects
from serpentune.report.rounds import plot_rounds
from serpentune.report.scaling import AXES, ScalingPoint, plot_scaling, scaling_points

__all__ = [
    "AXES",
    "FORMATS",
    "ScalingPoint",
    "board_svg",
    "check_game_file",
    "plot_effects",
    "plot_rounds",
    "plot_scaling",
    "report_files",
    "report_folders",
    "save_game",
    "scaling_points",
    "write_dataset_report",
    "write_report",
]
