"""The ground: folders to the Hugging Face hub, and what the hub refuses in words for people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from serpentune.common.errors import UserError

Kind = Literal["dataset", "model"]

_WORDS = {"dataset": "data set", "model": "model"}
_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may do this."


def upload(
    folder: Path, files: Sequence[str], repository: str, kind: Kind, *, private: bool, token: str | None = None
) -> str:
    """Send files of a folder to a repository of the hub in one commit, and return the repository's address.

    Args:
        folder: where the files lie.
        files: their names in it, which they have in the repository too.
        repository: `owner/name`, made where there is none.
        kind: what the repository holds.
        private: whether only its owner may see the repository.
        token: of the hub; without it the one of `HF_TOKEN` or `hf auth login`.

    Raises:
        UserError: as of `explained`, or a public repository is there although a private one is wanted.
    """
    from huggingface_hub import HfApi

    with explained(repository, kind):
        api = HfApi(token=token)
        api.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        if private and not api.repo_info(repository, repo_type=kind).private:
            raise UserError(
                f"The {_WORDS[kind]} {repository} is on the hub already, for everyone to see. Pass --public if that is "
                "meant, or choose another name."
            )
        api.upload_folder(
            repo_id=repository,
            repo_type=kind,
            folder_path=folder,
            allow_patterns=list(files),
            commit_message="Upload with serpentune",
        )
    return f"{api.endpoint}/{'datasets/' if kind == 'dataset' else ''}{repository}"


@contextlib.contextmanager
def explained(repository: str, kind: Kind) -> Iterator[None]:
    """Say for people what the hub's library reports while the block runs.

    Raises:
        UserError: `repository` is no name of one, is missing, private or gated, the hub is switched off, can't be
            reached, doesn't know the token or refuses.
    """
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is imported there, not exported
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,  # of the HTTP client that this version of the hub's library uses
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except HFValidationError as error:
        raise UserError(
            f"{repository!r} is neither a folder nor a repository of the hub, which is written owner/name."
        ) from error
    except OfflineModeIsEnabled as error:
        raise UserError(
            f"{repository} lies on the hub, which is switched off here. Unset HF_HUB_OFFLINE, or name a folder."
        ) from error
    except GatedRepoError as error:
        raise UserError(f"The hub gives {repository} only to those who accepted its terms. {_LOG_IN}") from error
    except RevisionNotFoundError as error:
        raise UserError(f"The {_WORDS[kind]} {repository} has no such revision on the hub.") from error
    except RepositoryNotFoundError as error:
        raise UserError(f"The hub has no {_WORDS[kind]} {repository}, or it is private. {_LOG_IN}") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise UserError(f"The hub refuses {repository} ({status}). {_LOG_IN}") from error
        raise UserError(f"The hub refuses {repository} ({error}). Try again later.") from error
    except (HTTPError, LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        raise UserError(
            f"{repository} lies on the hub, which can't be reached ({type(error).__name__}). Try again with a network, "
            "or name a folder."
        ) from error
