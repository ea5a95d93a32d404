"""Floor 5, models: the card of a student, the README.md that people and the Hugging Face hub show.

Every statement comes from `student.json`, which was written when the student was, and from what the caller measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from serpentune.common.errors import UserError
from serpentune.models._find import BUILT_IN, SHIPPED, find_base
from serpentune.models._scratch import SCRATCH

CARD = "README.md"

Form = Literal["adapter", "model", "gguf"]
"""What the folder holds: an adapter, a whole model for transformers, or GGUF files alone."""

_LIBRARIES: Mapping[Form, str] = {"adapter": "peft", "model": "transformers", "gguf": "gguf"}
_LICENCES = {**dict.fromkeys((*SHIPPED, *SCRATCH), "mit"), "smollm2-135m": "apache-2.0"}
_TAGS = ("serpentune", "snake", "imitation-learning")


@dataclass(frozen=True)
class Metric:
    """A figure that was measured with the model.

    Attributes:
        key: its name for machines ("win_rate").
        name: what it is called ("games won").
        value: the figure.
        text: the figure with its unit and interval, as people read it.
        on: what it was measured on.
    """

    key: str
    name: str
    value: float
    text: str
    on: str


def model_card(
    about: Mapping[str, Any],
    form: Form,
    *,
    metrics: Sequence[Metric] = (),
    files: Sequence[tuple[str, str]] = (),
) -> str:
    """The card of a student.

    Args:
        about: its `student.json`; what that lacks is left out.
        form: what the folder holds.
        metrics: figures that were measured.
        files: names of the GGUF files in the folder, each with what is to be said of it.
    """
    parts = [
        _front_matter(about, form, metrics, files),
        _title(about),
        _use(about, form, [file for file, _ in files]),
        _table("GGUF files", ["file", "contents"], [[f"`{file}`", text] for file, text in files]),
        _table("Results", ["figure", "value", "measured on"], [[m.name, m.text, m.on] for m in metrics]),
        _training(about),
    ]
    return "\n".join(part for part in parts if part)


def licence_of(base: str) -> str | None:
    """A base model's licence as Hugging Face writes it, where it is known: built in, or said by the base's own card."""
    from huggingface_hub import metadata_load

    if base in _LICENCES:
        return _LICENCES[base]
    # A base that is gone since it was loaded, or whose card is damaged, is no reason to lose what was trained on it.
    try:
        card = Path(find_base(base).location) / CARD
        said = metadata_load(card) if card.is_file() else None
    except (UserError, ValueError, yaml.YAMLError):
        return None
    licence = (said or {}).get("license")
    return licence if isinstance(licence, str) else None


def shown_base(base: str) -> str:
    """A base's name as others may read it: of a folder or file only the last part, for the rest is this disk's."""
    return Path(base).name if Path(base).is_absolute() else base


def _front_matter(
    about: Mapping[str, Any], form: Form, metrics: Sequence[Metric], files: Sequence[tuple[str, str]]
) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    base = about.get("base") or ""
    on_hub = "/" in base and not Path(base).is_absolute()
    strategy = [about["strategy"]] if "strategy" in about else []
    data = ModelCardData(
        license=about.get("licence"),
        base_model=base if on_hub else None,
        library_name=_LIBRARIES[form],
        pipeline_tag="text-generation",
        tags=[*_TAGS, *strategy, *(["gguf"] if files else [])],
        model_name=_name(about) if metrics else None,
        eval_results=[
            EvalResult(
                task_type="text-generation",
                dataset_type="snake",
                dataset_name=metric.on,
                metric_type=metric.key,
                metric_name=metric.name,
                metric_value=metric.value,
            )
            for metric in metrics
        ]
        or None,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _name(about: Mapping[str, Any]) -> str:
    taught = f" by {_listed(teachers)}" if (teachers := _data(about).get("teacher")) else ""
    return f"{shown_base(about['base'])}, taught Snake{taught}" if "base" in about else "A model that plays Snake"


def _data(about: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """What the training data hold, by column."""
    found: Mapping[str, Sequence[str]] = (about.get("training") or {}).get("data", {})
    return found


def _title(about: Mapping[str, Any]) -> str:
    teachers = _data(about).get("teacher")
    learned = f" It learned by imitating the games of {_listed(teachers)}." if teachers else ""
    facts = []
    if base := about.get("base"):
        licence = f", licence {about['licence']}" if about.get("licence") else ""
        inside = " (built into serpentune)" if base in BUILT_IN else ""
        facts.append(["base model", f"`{shown_base(base)}`{inside}{licence}"])
    if "strategy" in about:
        settings = ", ".join(f"{key} {value}" for key, value in about.get("settings", {}).items())
        facts.append(["strategy", about["strategy"] + (f" ({settings})" if settings else "")])
    if "parameters" in about:
        facts.append(["parameters", f"{about['parameters']:,}, of which {about['trainable_parameters']:,} learned"])
    if about.get("chat"):
        facts.append(["asked", "through its tokenizer's chat template"])
    return f"""# {_name(about)}

A language model that plays Snake: a prompt shows it a board, and it answers with the next moves.{learned}
Made with serpentune.

{_rows(["", ""], facts)}"""


def _use(about: Mapping[str, Any], form: Form, files: Sequence[str]) -> str:
    folder = files[0] if form == "gguf" else "."
    play = f"serpentune evaluate {folder} --games 100{_asked(about, form)}"
    code = _CODE[form].format(file=files[0] if files else "")
    prompt = (about.get("training") or {}).get("prompt")
    python = f"\n```python\n{code}\n{_ask(prompt)}```\n" if prompt else ""
    return f"""## How to use it

Let it play, in this folder:

```sh
{play}
```
{python}"""


def _asked(about: Mapping[str, Any], form: Form) -> str:
    """Options of `evaluate` that ask a model as it was taught."""
    options = [("--teacher", "teacher"), ("--style", "style"), ("--encoding", "encoding"), ("--grid-size", "board")]
    words = [f" {option} {_data(about)[key][0]}" for option, key in options if _data(about).get(key)]
    if form == "gguf" and about.get("chat"):  # the other forms know by themselves
        words.append(" --chat")
    return "".join(words)


_CODE: Mapping[Form, str] = {
    "adapter": """\
from serpentune.models import end_ids, load_student

student = load_student(".")  # the folder with this file
model, tokenizer = student.model, student.tokenizer
model.generation_config.eos_token_id = end_ids(tokenizer, student.chat)[-1]
""",
    "model": """\
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(".")  # the folder with this file
tokenizer = AutoTokenizer.from_pretrained(".")
""",
    "gguf": """\
from serpentune.models import load_base

student = load_base("{file}")
model, tokenizer = student.model, student.tokenizer
""",
}


def _ask(prompt: str) -> str:
    lines = "".join(f"    {json.dumps(line, ensure_ascii=False)}\n" for line in prompt.splitlines(keepends=True))
    return f"""\
prompt = (
{lines})
ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids.to(model.device)
answer = model.generate(ids, max_new_tokens=64, do_sample=False)[0, ids.shape[1] :]
print(tokenizer.decode(answer, skip_special_tokens=True))
"""


def _training(about: Mapping[str, Any]) -> str:
    training = about.get("training")
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    made = f"Made with {versions}.\n" if versions else ""
    if not training:
        return f"## Training\n\n{made}" if made else ""
    facts = [[key, _listed(values)] for key, values in training["data"].items()]
    facts.append(["samples", f"{training['samples']:,} (SHA-256 of their tokens: `{training['data_sha256']}`)"])
    facts.append(["steps", f"{training['steps']:,}"])
    for key, words in (("loss", "last training loss"), ("eval_loss", "validation loss at the end")):
        if training[key] is not None:
            facts.append([words, f"{training[key]:.4f} nats a token"])
    config = {"base_model_name": shown_base(about["base"]), **training["config"]}
    return f"""## Training

{_rows(["", ""], facts)}
{made}
```yaml
{yaml.safe_dump(config, sort_keys=False, allow_unicode=True)}```
"""


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"## {title}\n\n{_rows(header, rows)}" if rows else ""


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
