"""Import path of the first pipeline; `python -m` plays the games of one heuristic, and is then `serpentune run`.

    python -m extensions.heuristics_llm_fine_tuning_integration_v0_01.pipeline --algorithm BFS --games 800 \
        --grid-size 10 --model nano --output-dir output/v0.01 --epochs 3 --batch 4

Whatever else `serpentune run` takes may follow; `--training-strategy lora` learns in an adapter.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NoReturn

from serpentune.cli.utilities import TrainingCLIUtils
from serpentune.common.paths import PathUtils
from serpentune.pipeline import MultiDatasetConfig, MultiDatasetPipeline, PipelineResults

__all__ = ["MultiDatasetConfig", "MultiDatasetPipeline", "PipelineResults", "main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Play, learn and play again as version 0.01's command did, and end the process with `serpentune run`'s exit code.

    Args:
        arguments: of the command; those of this process without.
    """
    parser = argparse.ArgumentParser(
        description="Games of one heuristic, and a student that learnt from them and has really played.",
        epilog="Whatever else `serpentune run` takes may follow.",
        allow_abbrev=False,
    )
    parser.add_argument("--algorithm", default="BFS", help="who plays (BFS)")
    parser.add_argument("--games", default="800", help="how many games (800)")
    parser.add_argument("--grid-size", default="10", help="cells a side (10)")
    parser.add_argument("--model", default="nano", help="built-in name, folder, GGUF file or hub id (nano)")
    parser.add_argument("--output-dir", default="output", help="folder of experiments (output)")
    parser.add_argument("--epochs", default="3", help="passes over the data (3)")
    parser.add_argument("--batch", "--batch-size", default="4", help="samples that are worked on at once (4)")
    given, others = parser.parse_known_args(arguments)
    games = Path(given.output_dir) / f"games_{PathUtils.timestamp()}"
    played = ["--algorithms", given.algorithm, "--games", given.games, "--grid-size", given.grid_size]
    with redirect_stdout(sys.stderr):  # standard output is the run's
        code = TrainingCLIUtils.main(["generate", *played, "--output-dir", str(games)])
    if code:
        raise SystemExit(code)
    TrainingCLIUtils.run_and_exit(
        "run",
        [
            *("--heuristic-dirs", str(games), "--algorithms", given.algorithm, "--training-strategy", "full"),
            *("--base-model", given.model, "--output-dir", given.output_dir),
            *("--epochs", given.epochs, "--batch-size", given.batch, *others),
        ],
    )


if __name__ == "__main__":
    main()
