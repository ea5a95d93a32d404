"""Floor 5, models: a base model in a GGUF file, dequantised once into a folder of safetensors that is kept.

The folder lies in the cache under the SHA-256 of the file and the versions of what reads it. It is checked whenever it
is used and made again where it is damaged, so that a model from a GGUF file is as quick to load as one from a folder.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import logging
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from serpentune.common.cache import VARIABLE, cache_folder
from serpentune.common.errors import UserError
from serpentune.common.files import read_json, replacing_folder, sha256, write_json
from serpentune.models._libraries import quiet_libraries
from serpentune.models._pretrained import first_line, read_config, read_model, read_tokenizer

HUGGINGFACE_TOKENIZER = "tokenizer.huggingface.json"
"""The metadata key under which a GGUF file may carry a whole `tokenizer.json`."""

_MAGIC = b"GGUF"
_FORMAT = 1
"""Of the kept folder; counts up when what is written there changes."""
_NOTE = "dequantized.json"
_OTHER_FOLDER = f"Free space, or name another folder in ${VARIABLE}."

_LOG = logging.getLogger(__name__)


def is_gguf(path: Path) -> bool:
    """Whether the file begins as every GGUF file does."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def dequantized(path: Path, name: str) -> Path:
    """The folder with the model of a GGUF file as safetensors, its configuration and its tokenizer.

    Weights are kept in fp32: whatever type the file holds them in, fp32 holds what dequantising gives exactly, and a
    processor needs them so. Loading rounds them to another format where that is asked for.

    Several processes may ask at once: one does the work, the others wait for it.

    Args:
        path: the GGUF file.
        name: what the user calls the model.

    Raises:
        UserError: the file is damaged or split, holds an architecture that transformers can't read from GGUF, or the
            cache can't be written.
    """
    from filelock import FileLock

    digest = sha256(path)
    folder = _folder(digest)
    if _is_sound(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not _is_sound(folder):  # another process may have made it meanwhile
                _LOG.info("%s is dequantised into %s, once", name, folder)
                with replacing_folder(folder, overwrite=True, no_room=_OTHER_FOLDER) as part:
                    _write(part, path, name)
                    note = {"file": path.name, "sha256": digest, "checksums": _checksums(part)}
                    write_json(part / _NOTE, note)
    except OSError as error:
        raise UserError(
            f"{name} can't be dequantised into {folder} ({error.strerror or error}). {_OTHER_FOLDER}"
        ) from error
    return folder


def gguf_config(path: Path, name: str) -> Any:
    """The transformers configuration of the model in a GGUF file; nothing is dequantised for it.

    Raises:
        UserError: the file is damaged, or holds an architecture that transformers can't read from GGUF.
    """
    about = path.stat()
    return copy.deepcopy(_config(path, name, (about.st_mtime_ns, about.st_size)))


@lru_cache(maxsize=8)
def _config(path: Path, name: str, _stamp: tuple[int, int]) -> Any:
    """What `gguf_config` gives, kept while the file has that stamp: reading a file's header takes seconds."""
    folder = _folder(sha256(path))
    if _is_sound(folder):
        return read_config(folder, name)
    with _explained(name):
        return read_config(path.parent, name, gguf_file=path.name)


def _folder(digest: str) -> Path:
    from importlib.metadata import version

    readers = {package: version(package) for package in ("gguf", "transformers")}
    key = json.dumps([_FORMAT, digest, readers], sort_keys=True)
    return cache_folder("gguf") / hashlib.sha256(key.encode()).hexdigest()


def _is_sound(folder: Path) -> bool:
    """Whether the folder holds every file that was written there, as it was written."""
    if not folder.is_dir():
        return False
    try:
        if _checksums(folder) == read_json(folder / _NOTE)["checksums"]:
            return True
    except (UserError, KeyError, TypeError):
        pass  # the note itself is missing or damaged
    _LOG.warning("%s is damaged and is made again", folder)
    return False


def _checksums(folder: Path) -> dict[str, str]:
    """Hex XXH3 of every file but the note: at the speed of memory, against damage and not against malice."""
    import xxhash

    sums = {}
    for file in sorted(folder.iterdir()):
        if file.name != _NOTE:
            digest = xxhash.xxh3_128()
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
            sums[file.name] = digest.hexdigest()
    return sums


def _write(folder: Path, path: Path, name: str) -> None:
    import torch
    from transformers import GgufConfig

    # transformers shows a bar of its own, which would fill a log.
    shown = contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO())
    with _explained(name):
        tokenizer = _tokenizer(path, name)
        with shown:
            model = read_model(
                path.parent,
                name,
                gguf_file=path.name,
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.float32,
            )
    with quiet_libraries():
        model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))


def _tokenizer(path: Path, name: str) -> Any:
    """The tokenizer that the file carries whole, or else the one that transformers builds from llama.cpp's metadata."""
    from gguf import GGUFReader
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    fields = GGUFReader(path).fields
    if HUGGINGFACE_TOKENIZER not in fields:
        return read_tokenizer(path.parent, name, gguf_file=path.name)
    backend = Tokenizer.from_str(fields[HUGGINGFACE_TOKENIZER].contents())
    special = {}
    for token, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        if field := fields.get(f"tokenizer.ggml.{key}_token_id"):
            special[f"{token}_token"] = backend.id_to_token(int(field.contents()))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    if template := fields.get("tokenizer.chat_template"):
        tokenizer.chat_template = template.contents()
    return tokenizer


@contextlib.contextmanager
def _explained(name: str) -> Any:
    """Turn what the readers of GGUF files raise at a damaged or unknown one into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except (
        Exception
    ) as error:  # they check little, so that a damaged file shows as any error (IndexError, struct.error)
        raise UserError(
            f"{name}: the GGUF file is damaged, or of a kind that transformers can't read ({first_line(error)})."
        ) from error
