"""What several tests of training count."""

import pytest

from sklearn_emma._training import cache


@pytest.fixture
def computed(monkeypatch):
    """How often pretraining has been run."""
    runs = []

    def counted(*args, original=cache.pretrain, **kwargs):
        runs.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(cache, "pretrain", counted)
    return runs
