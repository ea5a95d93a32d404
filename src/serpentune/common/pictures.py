"""The ground: what all drawn pictures share: colours, formats, and a file that is whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from serpentune.common.errors import UserError
from serpentune.common.files import replacing_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0068a8", "#c9540a", "#00815d", "#a64d8c", "#946800", "#53687b", "#6a4fc0")
"""Those of the report (`report/templates/report.css`)."""

_DOTS_PER_INCH = 150


def check_picture(path: Path) -> None:
    """Refuse a picture that `save_picture` couldn't write, before it is drawn.

    Raises:
        UserError: matplotlib can't write the format that its suffix says.
    """
    from matplotlib.figure import Figure

    if path.suffix[1:] not in Figure().canvas.get_supported_filetypes():
        raise UserError(f"{path}: a picture ends in .png, .svg or .pdf.")


def save_picture(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the suffix of `path` says, renamed into place.

    Raises:
        UserError: as of `replacing_file`.
    """
    with replacing_file(path) as part:
        figure.savefig(part, format=path.suffix[1:], dpi=_DOTS_PER_INCH)
