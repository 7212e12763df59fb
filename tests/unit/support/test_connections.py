"""A connection that a test leaves open is told of that test, and of no other."""

import pytest

from tests.support import checkout

pytest_plugins = "pytester"

_OPENS = """
from sqlalchemy import create_engine

def opened(folder):
    engine = create_engine(f"sqlite:///{folder}/a.db")
    engine.connect().close()
    return engine

ENGINES = []
"""


def test_the_test_that_left_it_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(checkout.ROOT))
    pytester.makeconftest(
        "from tests.support.connections import ConnectionsClosed\n\n"
        "def pytest_configure(config):\n    config.pluginmanager.register(ConnectionsClosed())\n"
    )
    pytester.makepyfile(
        f"""{_OPENS}
import pytest

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("shared"))

@pytest.fixture
def own(tmp_path):
    made = []
    yield lambda: made.append(opened(tmp_path))
    made[0].dispose()

def test_that_shares_one(shared):
    shared.connect().close()

def test_that_closes_it(tmp_path):
    opened(tmp_path).dispose()

def test_whose_fixture_closes_it(own):
    own()

def test_that_leaves_one(tmp_path):
    ENGINES.append(opened(tmp_path))

def test_that_fails(tmp_path):
    ENGINES.append(opened(tmp_path))
    assert not ENGINES, "its own sentence"

def test_after_them(tmp_path):
    pass
"""
    )
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    done.assert_outcomes(passed=5, failed=1, errors=1)
    done.stdout.fnmatch_lines(["*ERROR at teardown of test_that_leaves_one*", "*it left 1 connection to a database*"])
