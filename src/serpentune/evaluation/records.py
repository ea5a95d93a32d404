"""Floor 8, evaluation: the records of a data set that a player is measured on."""

from __future__ import annotations

from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.datasets.records import iter_records
from serpentune.datasets.store import ensure_dataset

TEST = "test"
_COLUMNS = ("prompt", "completion", "game")


def read_test_records(dataset: str | Path, most: int = 1000) -> list[dict[str, str]]:
    """The first records of a data set's test split, as `test_records` of the evaluations takes them.

    Args:
        dataset: a data set's folder.
        most: how many at most; the rest of the split is not read.

    Returns:
        Dictionaries with `prompt`, `completion` and `game`.

    Raises:
        UserError: `most` is less than 0, or the folder is no data set of ours or a damaged one.
    """
    if most < 0:
        raise UserError(f"{most} records can't be read; write 0 for none.")
    folder = Path(dataset).expanduser()
    ensure_dataset(folder)
    records: list[dict[str, str]] = []
    for table in iter_records(folder, TEST, _COLUMNS):
        records += table.slice(0, most - len(records)).to_pylist()
        if len(records) == most:
            break
    return records
