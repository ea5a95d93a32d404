"""What the tests of the import paths share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Models this small gain nothing from a second core, and lose much where others want it too."""
    import torch

    torch.set_num_threads(1)
