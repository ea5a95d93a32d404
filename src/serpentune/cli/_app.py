"""Floor 12, cli: the table of contents: every command, by floor."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from serpentune import __version__
from serpentune.cli import (
    _ablation,
    _comparison,
    _config,
    _datasets,
    _datasets_check,
    _datasets_export,
    _datasets_look,
    _evaluation,
    _export,
    _improve,
    _logs,
    _pipeline,
    _plan,
    _report,
    _teachers,
    _training,
    _watch,
)
from serpentune.cli._arguments import Group
from serpentune.cli._command import add_command, shared_options

_ORDER = (
    "demo", "run", "teachers", "watch", "generate", "logs", "dataset", "config", "train", "improve", "evaluate", "plan",
    "compare", "ablate", "report", "export",
)  # fmt: skip


class _Root(Group):
    """The commands in the order of the work, groups among them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, as the help page shows them."""
        return sorted(self.commands, key=_ORDER.index)


def _group(text: str, cls: type[Group] = Group) -> typer.Typer:
    return typer.Typer(
        cls=cls,
        help=text,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"serpentune {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the command's name."""


app = _group(
    "Teach language models to play Snake by imitating classical search, and prove by playing how good each one is.",
    _Root,
)
app.callback()(shared_options(_root))

add_command(app, "demo", _pipeline.demo, "serpentune demo --quick")
add_command(
    app,
    "run",
    _pipeline.run,
    "serpentune run recipes/quickstart.yaml\n"
    "serpentune run --heuristic-dirs logs/extensions --algorithms BFS ASTAR --epochs 3",
)
add_command(
    app,
    "teachers",
    _teachers.teachers,
    "serpentune teachers\nserpentune teachers --algorithms CELL HAMILTONIAN-SHORTCUT --games 1000 --grid-size 10",
)
add_command(
    app,
    "watch",
    _watch.watch,
    "serpentune watch\nserpentune watch BFS\nserpentune watch output/lora/final_model --style explain --save game.html",
)
add_command(
    app, "generate", _logs.generate, "serpentune generate --algorithms BFS ASTAR HAMILTONIAN --games 500 --grid-size 10"
)

_logs_group = _group("Check game logs.")
add_command(
    _logs_group,
    "check",
    _logs.check,
    "serpentune logs check logs/extensions\nserpentune logs check 'logs/*/heuristics-bfs_*' --json",
)
app.add_typer(_logs_group, name="logs")

_dataset_group = _group("Make data sets of prompts and completions, and look at them.")
add_command(
    _dataset_group,
    "build",
    _datasets.build,
    "serpentune dataset build --heuristic-dirs logs/extensions --output output/dataset\n"
    "serpentune dataset build --config recipes/mixture.yaml --output output/mixture",
)
add_command(
    _dataset_group,
    "validate",
    _datasets_check.validate,
    "serpentune dataset validate output/dataset --logs logs/extensions\n"
    "serpentune dataset validate games.jsonl --checks label contradictions --on-error skip --rejects rejects.jsonl",
)
add_command(
    _dataset_group,
    "migrate",
    _datasets_check.migrate,
    "serpentune dataset migrate BFS-512_dataset.jsonl output/dataset\n"
    "serpentune dataset migrate logs/old output/dataset --on-error skip",
)
add_command(
    _dataset_group,
    "export",
    _datasets_export.export,
    "serpentune dataset export output/dataset --format csv --output output/tables\n"
    "serpentune dataset export output/dataset --format jsonl --columns prompt completion --split train "
    "--output train.jsonl",
)
add_command(_dataset_group, "push", _datasets_export.push, "serpentune dataset push output/dataset me/snake-bfs")
add_command(
    _dataset_group,
    "pull",
    _datasets_export.pull,
    "serpentune dataset pull me/snake-bfs output/dataset\n"
    "serpentune dataset pull me/snake-bfs output/dataset --revision v1",
)
add_command(
    _dataset_group,
    "inspect",
    _datasets_look.inspect,
    "serpentune dataset inspect output/dataset\n"
    "serpentune dataset inspect output/dataset --split test --teacher BFS --records 5",
)
add_command(
    _dataset_group,
    "report",
    _datasets_look.report,
    "serpentune dataset report output/dataset --output dataset.html",
)
app.add_typer(_dataset_group, name="dataset")

_config_group = _group("Make configurations, and check them beforehand.")
add_command(
    _config_group,
    "template",
    _config.template,
    "serpentune config template\nserpentune config template quick-lora -o quick.yaml",
)
add_command(
    _config_group,
    "validate",
    _config.validate,
    "serpentune config validate quick.yaml --dataset output/dataset\n"
    "serpentune config validate quick.yaml --set base_model=smollm2-135m lr=1e-4 --gpus 2 --card-memory 80",
)
app.add_typer(_config_group, name="config")

add_command(
    app,
    "train",
    _training.train,
    "serpentune train --dataset output/dataset --output-dir output/lora\n"
    "serpentune train --dataset output/dataset --output-dir output/lora --resume\n"
    "serpentune train --dataset output/dataset --output-dir output/sweep --sweep lr=1e-4,3e-4 seed=0,1,2",
)
add_command(
    app,
    "improve",
    _improve.improve,
    "serpentune improve output/lora/final_model --teacher CELL --rounds 3\n"
    "serpentune improve output/lora/final_model --teacher CELL --games 200 --max-steps 300 --set balance=[length]\n"
    "serpentune improve --resume output/lora-improved --rounds 5",
)
add_command(
    app,
    "evaluate",
    _evaluation.evaluate,
    "serpentune evaluate nano --games 100\nserpentune evaluate output/lora/final_model --dataset output/dataset",
)
add_command(
    app,
    "plan",
    _plan.plan,
    "serpentune plan --metric win_rate --baseline 0.88 --detect 0.03\n"
    "serpentune plan --metric score --detect 1 --results output/evaluations/nano output/evaluations/lora",
)
add_command(
    app,
    "compare",
    _comparison.compare,
    "serpentune compare output/evaluations/nano output/evaluations/lora --margin win=0.03\n"
    "serpentune compare output/sweep --by method",
)
add_command(
    app,
    "ablate",
    _ablation.ablate,
    "serpentune ablate recipes/ablation.yaml --vary encoding=grid,coordinates style=plan,move seeds=0..2\n"
    "serpentune ablate recipes/ablation.yaml --vary lora.rank=4,16 lr=1e-3,5e-3 --full --max-hours 2",
)
add_command(
    app,
    "report",
    _report.report,
    "serpentune report output/evaluations/nano output/evaluations/lora --output report.html\n"
    "serpentune report output/sweep --by method --margin win=0.03 --output report.html\n"
    "serpentune report output/scaling-size --against parameters --output size.png",
)
add_command(
    app,
    "export",
    _export.export,
    "serpentune export output/lora/final_model --merge --output output/merged\n"
    "serpentune export output/lora/final_model --gguf f16,q8_0 --output output/gguf --results output/evaluations/lora\n"
    "serpentune export output/lora/final_model --push me/snake-bfs",
)
