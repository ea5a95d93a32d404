from __future__ import annotations

import pytest
import torch

from serpentune.models import LoadedModel, load_base


@pytest.fixture(scope="session")
def nano() -> LoadedModel:
    return load_base("nano", dtype=torch.float32)
