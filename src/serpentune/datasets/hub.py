"""Floor 4, datasets: data sets to and from the Hugging Face hub, or a folder in its place."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, replacing_folder
from serpentune.common.hub import explained, upload
from serpentune.datasets._adopt import adopt
from serpentune.datasets.directory import check_files
from serpentune.datasets.records import DATA, MANIFEST, SPLITS

CARD = "README.md"
FILES = (CARD, MANIFEST, *(f"{DATA}/{split}.parquet" for split in SPLITS))
"""What travels: everything but the JSONL, which `export` makes of it again."""


def push(path: Path, target: str, *, private: bool = True, token: str | None = None, overwrite: bool = False) -> str:
    """Send a data set to the hub, its bytes as they are, after its files were compared with the hashes in its manifest.

    Args:
        path: the data set's folder.
        target: a repository such as `name/snake`, made where there is none; or a folder: a `file://` address, or a path
            that begins with `/`, `.` or `~`.
        private: whether only its owner may see the repository.
        token: of the hub; without it the one of `HF_TOKEN` or `hf auth login`.
        overwrite: whether a folder with a data set may be replaced.

    Returns:
        The repository's address, or the folder.

    Raises:
        UserError: the data set is damaged, the hub can't be reached, doesn't know the token or refuses, a public
            repository is there although a private one is wanted, or the folder holds files.
    """
    check_files(path)
    if not (path / CARD).is_file():
        raise UserError(f"{path} has no {CARD}, the card that the hub shows. Build the data set again.")
    if folder := _as_folder(target):
        _copy(path, folder, overwrite)
        return str(folder)
    return upload(path, FILES, target, "dataset", private=private, token=token)


def pull(
    source: str, output: Path, *, revision: str | None = None, token: str | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Fetch a data set into a folder; it appears under its name when it is complete and its hashes are right.

    A data set of serpentune comes byte by byte. Of any other one that `datasets.load_dataset` reads, the records are
    taken over: `prompt` and `completion`, and what else has the name and the type of a column of ours; they count as
    not verified.

    Args:
        source: a repository of the hub, a folder, or a `file://` address.
        output: the folder to make.
        revision: branch, tag or commit of the repository; its newest state without.
        token: as for `push`.
        overwrite: whether a data set in that folder may be replaced; a folder with other files never is.

    Returns:
        The manifest.

    Raises:
        UserError: the source is missing or damaged, or is no data set of prompts and completions; the hub can't be
            reached or refuses; or the folder holds files.
    """
    ensure_free(output, overwrite=overwrite, marker=MANIFEST)
    folder = _as_folder(source) or Path(source)
    if folder.is_dir() or _as_folder(source):
        if revision is not None:
            raise UserError(f"{folder} is a folder and has no revisions: leave out --revision.")
        if not folder.is_dir():
            raise UserError(f"There is no folder {folder}.")
        if (folder / MANIFEST).is_file():
            return _copy(folder, output, overwrite)
        return adopt(str(folder), output, overwrite=overwrite)
    from huggingface_hub import HfApi

    with explained(source, "dataset"):
        about = HfApi(token=token).dataset_info(source, revision=revision)
    # The commit, so that all files are of one state even while somebody pushes.
    if MANIFEST not in {file.rfilename for file in about.siblings or ()}:
        with explained(source, "dataset"):
            return adopt(source, output, revision=about.sha, token=token, overwrite=overwrite)
    with replacing_folder(output, overwrite=overwrite) as part:
        with explained(source, "dataset"):
            HfApi(token=token).snapshot_download(
                source, repo_type="dataset", revision=about.sha, local_dir=part, allow_patterns=list(FILES)
            )
        shutil.rmtree(part / ".cache", ignore_errors=True)  # the download's own notes
        return _checked(part, source)


def _as_folder(place: str) -> Path | None:
    """The folder that is meant, or None for a repository."""
    if place.startswith("file:"):
        return Path(url2pathname(urlsplit(place).path))
    return Path(place).expanduser() if place.startswith(("/", ".", "~")) else None


def _copy(path: Path, output: Path, overwrite: bool) -> dict[str, Any]:
    ensure_free(output, overwrite=overwrite, marker=MANIFEST)
    with replacing_folder(output, overwrite=overwrite) as part:
        (part / DATA).mkdir()
        for name in FILES:
            if (path / name).is_file():  # what is missing, the check names
                shutil.copyfile(path / name, part / name)
        return _checked(part, str(path))


def _checked(part: Path, source: str) -> dict[str, Any]:
    """The manifest of what has come, after its files were compared with its hashes; messages name the source."""
    try:
        return check_files(part)
    except UserError as error:
        raise UserError(str(error).replace(str(part), source)) from error
