"""Floor 8, evaluation: who can be evaluated: language models here or behind an endpoint, teachers, and chance."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.files import read_object
from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation.play import (
    Endpoint,
    EndpointPlayer,
    ModelPlayer,
    Player,
    RandomPlayer,
    TeacherPlayer,
    Traffic,
)
from serpentune.evaluation.results import FILES_SHA256
from serpentune.models import LoadedModel, check_model, model_location, model_sha256, open_model, short_name
from serpentune.teachers import Teacher, find, fingerprint, get, names
from serpentune.training import METHOD, RUN, AdvancedTrainingConfig, trained_with

if TYPE_CHECKING:
    from serpentune.evaluation.settings import EvaluationSettings

RANDOM = "random"

_NO_METHOD = {"output_dir", "experiment_name", "report_to"}
"""Settings of a training run that say where it lies and what it is called, and nothing of how it trains."""


@dataclass(frozen=True)
class Reopen:
    """How to open a contestant again, in another process or on another machine: the arguments of `open_contestant`."""

    name_or_path: str
    name: str | None
    chat: bool
    trust_remote_code: bool

    def __call__(self) -> Contestant:
        """Open it."""
        return open_contestant(
            self.name_or_path, name=self.name, chat=self.chat, trust_remote_code=self.trust_remote_code
        )


@dataclass(frozen=True)
class Contestant:
    """Somebody whose games are measured.

    Attributes:
        name: what it is called in tables.
        identity: what a manifest says of who played; a results folder is gone on with only by the same.
        notes: what a manifest says of it besides, such as how it was trained.
        player: makes the player for some settings.
        check: refuses settings with which it can't play, before anything is written; raises `UserError`.
        loaded: the language model, where it is one in this process.
        reopen: how another process opens it; None where only this one knows it.
        traffic: where all that is asked of an endpoint is counted; None for who needs none.
    """

    name: str
    identity: Mapping[str, Any]
    player: Callable[[EvaluationSettings], Player]
    notes: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[EvaluationSettings], None] = lambda _: None
    loaded: LoadedModel | None = None
    reopen: Reopen | None = None
    traffic: Traffic | None = None


def open_contestant(
    name_or_path: str | Path, *, name: str | None = None, chat: bool = False, trust_remote_code: bool = False
) -> Contestant:
    """Open whatever a user calls a player.

    Args:
        name_or_path: `random`, a teacher's name, or a model as of `models.open_model`: a student's folder, an adapter,
            a built-in name, a GGUF file, a hub id.
        name: what it is called in tables; a short name of its own without.
        chat: ask a model through its tokenizer's chat template.
        trust_remote_code: run code that a model brings, which may do anything.

    Raises:
        UserError: as of `open_model`.
    """
    asked = _asked(name_or_path)
    again = Reopen(asked, name, chat, trust_remote_code)
    if asked.lower() == RANDOM:
        label = name or RANDOM
        return Contestant(label, {"player": RANDOM}, lambda _: RandomPlayer(label), reopen=again)
    if (teacher := _teacher(asked)) is not None:
        return replace(teacher_contestant(teacher.name, name), reopen=again)
    with _near_teachers(asked):
        loaded = open_model(name_or_path, chat=chat, trust_remote_code=trust_remote_code)
    contestant = model_contestant(loaded, name or short_name(name_or_path))
    return replace(contestant, notes={**contestant.notes, **_files(loaded)}, reopen=again)


def plays_without_text(name_or_path: str | Path) -> bool:
    """Whether a player of `open_contestant` reads no prompt, so that how it is asked changes nothing."""
    asked = _asked(name_or_path)
    return asked.lower() == RANDOM or _teacher(asked) is not None


def find_contestant(name_or_path: str | Path) -> str:
    """What a player of `open_contestant` is called without a name, once it is found; no weights are loaded.

    Raises:
        UserError: there is no such player.
    """
    asked = _asked(name_or_path)
    if asked.lower() == RANDOM:
        return RANDOM
    if (teacher := _teacher(asked)) is not None:
        return teacher.name
    with _near_teachers(asked):
        check_model(name_or_path)
    return short_name(name_or_path)


def _asked(name_or_path: str | Path) -> str:
    """What is meant, valid in another working folder too."""
    path = Path(name_or_path).expanduser()
    return str(path.resolve() if path.exists() else name_or_path)


def _teacher(asked: str) -> Teacher | None:
    return None if Path(asked).exists() else find(asked)


@contextmanager
def _near_teachers(asked: str) -> Iterator[None]:
    """Where no model is found, name the teacher that may have been meant."""
    try:
        yield
    except UserError as error:
        near = difflib.get_close_matches(asked.upper(), names(), n=1)
        if near:
            raise UserError(f"There is no player {asked}. Did you mean the teacher {near[0]}? {error}") from error
        raise


def teacher_contestant(teacher: str, name: str | None = None) -> Contestant:
    """A registered teacher.

    Raises:
        UserError: there is none of that name.
    """
    known = get(teacher)
    label = name or known.name
    return Contestant(
        label, {"player": known.name, "fingerprint": fingerprint(known)}, lambda _: TeacherPlayer(known, label)
    )


def model_contestant(loaded: LoadedModel, name: str | None = None) -> Contestant:
    """A language model in memory. It may have been trained since it was loaded, so no hash of files is told."""
    label = name or loaded.name

    def player(settings: EvaluationSettings) -> ModelPlayer:
        return ModelPlayer(
            loaded,
            teacher=_prompted(settings),
            encoding=get_encoding(settings.encoding),
            style=get_style(settings.style),
            mode=settings.mode,
            places=settings.places,
            most=settings.games,
            max_new_tokens=settings.max_new_tokens,
            decoder=settings.decoder,
            name=label,
        )

    identity = {"model_sha256": weights_sha256(loaded.model), **({"chat": True} if loaded.chat else {})}

    def check(settings: EvaluationSettings) -> None:
        player(settings).check(settings.width, settings.height, probabilities=settings.top_moves > 0)

    notes = {"model": loaded.name, **_training(loaded)}
    return Contestant(label, identity, player, notes, check, loaded)


def _prompted(settings: EvaluationSettings) -> str:
    """The teacher that prompts name; students and records may know one that isn't registered here."""
    known = find(settings.teacher)
    return settings.teacher if known is None else known.name


def endpoint_contestant(endpoint: Endpoint, name: str | None = None, traffic: Traffic | None = None) -> Contestant:
    """A model that is served at an OpenAI-compatible address; nothing is sent before it plays.

    Args:
        endpoint: the model, where it is, and how it is asked.
        name: what it is called in tables; the model's own name without.
        traffic: where what is asked is counted. Contestants that share it share the endpoint's budget; without, all
            players of this one alone do.

    Raises:
        UserError: there is no API key where one is wanted; in `player` also a mode in which no endpoint can be asked.
    """
    endpoint.api_key()
    label, counted = name or endpoint.model, traffic or Traffic()

    def player(settings: EvaluationSettings) -> EndpointPlayer:
        return EndpointPlayer(
            endpoint,
            teacher=_prompted(settings),
            encoding=get_encoding(settings.encoding),
            style=get_style(settings.style),
            mode=settings.mode,
            places=settings.places,
            max_new_tokens=settings.max_new_tokens,
            traffic=counted,
            name=label,
        )

    return Contestant(label, {"endpoint": endpoint.identity()}, player, traffic=counted)


def _files(loaded: LoadedModel) -> dict[str, str]:
    """The hash of the files that a model was loaded from just now; none of one from the hub or from scratch."""
    location = model_location(loaded.name)
    return {} if location is None else {FILES_SHA256: model_sha256(location)}


def _training(loaded: LoadedModel) -> dict[str, Any]:
    """The settings that a student was trained with, where it still lies in the folder of its training run."""
    run = Path(loaded.name).parent
    if loaded.source != "folder" or not (run / RUN).is_file():
        return {}
    return {"training": training_settings(run)}


def training_settings(run: Path) -> dict[str, Any]:
    """What a manifest says of a training run: its settings, but for where it lies and what it is called, and its data.

    The hash of the data is among them, since students that learned from other data are of another method. What a round
    of improvement learned from follows from the student that it began with: there it is what that one was trained with,
    and `improved`, the rounds, with those that it had gone through before as `after`.

    Raises:
        UserError: the folder holds no training run.
    """
    if (run / METHOD).is_file():
        return read_object(run / METHOD)
    settings = trained_with(run).model_dump(mode="json", exclude=_NO_METHOD)
    return {**settings, "data_sha256": read_object(run / RUN).get("data_sha256")}


def comparable_training(told: Mapping[str, Any]) -> dict[str, Any]:
    """What `training_settings` told, by this version or an earlier one, in a form in which equal methods are equal.

    A setting that the version which wrote it didn't know has its default here, which is what that version did. What
    is no setting of this version, such as `data_sha256` and `improved`, stays as it is.

    Args:
        told: `training` of a manifest.
    """
    return _filled(told, AdvancedTrainingConfig().model_dump(mode="json", exclude=_NO_METHOD))


def _filled(told: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What was told, and the defaults of what wasn't, in sections too."""
    filled = dict(defaults)
    for name, value in told.items():
        section = defaults.get(name)
        filled[name] = _filled(value, section) if isinstance(value, Mapping) and isinstance(section, Mapping) else value
    return filled


def weights_sha256(model: Any) -> str:
    """Hex SHA-256 of the weights in memory: what plays may have been trained since it was loaded from its folder."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if isinstance(tensor, torch.Tensor):  # quantised layers keep notes beside their weights
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
