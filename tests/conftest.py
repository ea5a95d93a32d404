"""What every test shares: no model or data from a hub, slow tests only when asked for, Chromium where there is one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Before any test imports a library that reads these.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Models as small as the tests' are quicker on one thread, and two threads collapse on a busy machine. Runs that tests
# start inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

import hypothesis
import pytest

# A job that a shell started in the background ignores Ctrl-C, and so would the runs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The first example that meets a kernel may compile it, so a time limit per example would blame the wrong one.
# In CI, Hypothesis chooses its own profile: no limit either, and the same examples in every run.
if "CI" not in os.environ:
    hypothesis.settings.register_profile("patient", deadline=None)
    hypothesis.settings.load_profile("patient")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = f"no Chromium: none of {', '.join(CHROMIUM_NAMES)} is on PATH (on Debian: apt-get install chromium)"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow_too = config.getoption("--slow") or os.environ.get("SERPENTUNE_SLOW") == "1"
    # On a developer's machine a missing browser is no fault; in CI it would hide that the report is untested,
    # so there the test runs and its `chromium` fixture fails.
    browser_too = _chromium() is not None or os.environ.get("CI") == "true"
    for item in items:
        if "slow" in item.keywords and not slow_too:
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow or SERPENTUNE_SLOW=1"))
        if "browser" in item.keywords and not browser_too:
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is kept in the home folder of whoever runs the tests. Processes that tests start inherit it."""
    os.environ["SERPENTUNE_CACHE"] = str(tmp_path_factory.mktemp("caches"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser that tests marked `browser` start."""
    path = _chromium()
    if path is None:
        pytest.fail(NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random llama and its tokenizer."""
    from tests.models.tiny import save_llama

    return save_llama(tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="session")
def chat_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random llama whose tokenizer has a chat template."""
    from tests.models.tiny import save_chat_llama

    return save_chat_llama(tmp_path_factory.mktemp("base") / "chat")


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random GPT-2 and its tokenizer."""
    from tests.models.tiny import save_gpt2

    return save_gpt2(tmp_path_factory.mktemp("base") / "gpt2")


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random Qwen 3 and its tokenizer."""
    from tests.models.tiny import save_qwen

    return save_qwen(tmp_path_factory.mktemp("base") / "qwen")


@pytest.fixture(scope="session")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random Qwen 2, which has biases and an output layer of its own, and its tokenizer."""
    from tests.models.tiny import save_qwen2

    return save_qwen2(tmp_path_factory.mktemp("base") / "qwen2")


@pytest.fixture(scope="session")
def hub() -> Iterator[str]:
    """The address of a hub on this machine."""
    command = [sys.executable, "-m", "tests.hub_server"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def _chromium() -> str | None:
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
