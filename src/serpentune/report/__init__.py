"""Floor 10, report: one self-contained HTML file with tables, charts and replays, and a picture of a board.

It reads evaluation results, comparisons and data sets, and knows nothing of how they were made.
"""

from serpentune.report._board import board_svg
from serpentune.report._dataset import write_dataset_report
from serpentune.report._write import write_report

__all__ = ["board_svg", "write_dataset_report", "write_report"]
