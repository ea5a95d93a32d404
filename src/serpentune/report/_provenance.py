"""Floor 10, report: manifests as rows, what all models share apart from what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.common.paths import PathUtils
from serpentune.evaluation.results import EvaluationResult
from serpentune.report._tables import plain


@dataclass(frozen=True)
class Provenance:
    """Where the figures come from.

    Attributes:
        shared: (entry, value) pairs that are the same in every manifest.
        differing: an entry and its value a model, in the order of the results; "none" where a manifest lacks it.
    """

    shared: tuple[tuple[str, str], ...]
    differing: tuple[tuple[str, tuple[str, ...]], ...]


def provenance(results: Sequence[EvaluationResult]) -> Provenance:
    """Lay the manifests of `results` beside each other."""
    flat = [dict(leaves(_published(result.manifest))) for result in results]
    keys = [key for key in dict.fromkeys(key for manifest in flat for key in manifest) if key != "name"]
    shared, differing = [], []
    for key in keys:
        values = tuple(manifest.get(key, "none") for manifest in flat)
        if len(set(values)) == 1:
            shared.append((key, values[0]))
        else:
            differing.append((key, values))
    return Provenance(tuple(shared), tuple(differing))


def _published(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    model = manifest.get("model")
    return {**manifest, "model": PathUtils.from_here(model)} if isinstance(model, str) else manifest


def leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every entry of nested mappings, with the names that lead to it, as text."""
    for key, item in value.items():
        name = f"{path} › {key}" if path else str(key)
        name = name.replace("_", " ")
        if isinstance(item, Mapping):
            yield from leaves(item, name)
        else:
            yield name, plain(item)
