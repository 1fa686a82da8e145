"""Fixtures of the operators' tests."""
import importlib.util
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # for scan_cases, shared by the tests of this folder


@pytest.fixture(autouse=True)
def poisoned_memory():
    """Fresh memory holds NaN: torch fills it under deterministic algorithms, so whoever reads it is seen."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.empty(3).isnan().all() and torch.zeros(3).new_empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def seeded():
    """The same random numbers for each test."""
    torch.manual_seed(0)


@pytest.fixture
def tool(root):
    """The module tools/analysis_tools/benchmark_scan.py."""
    path = root / 'tools/analysis_tools/benchmark_scan.py'
    spec = importlib.util.spec_from_file_location('benchmark_scan', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
