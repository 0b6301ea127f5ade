import pytest
from answered_world import World


@pytest.fixture
def world():
    return World()
