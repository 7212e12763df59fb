"""Each file of values is rendered once."""

from pathlib import Path

import pytest

from tests.support.charts import VALUES, Objects, objects_in, template


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What helm renders, by the name of the file of values."""
    folder = tmp_path_factory.mktemp("helm")
    found = {}
    for path in VALUES:
        done = template(path, folder)
        assert done.returncode == 0, done.stderr
        found[path.stem] = done.stdout
    return found


@pytest.fixture(scope="session")
def rendered(texts: dict[str, str]) -> dict[str, Objects]:
    """The same as objects."""
    return {name: objects_in(text) for name, text in texts.items()}


@pytest.fixture
def values(tmp_path: Path) -> Path:
    """A file of values that a test may change."""
    path = tmp_path / "values.yaml"
    path.write_bytes(next(each for each in VALUES if each.stem == "only-needed").read_bytes())
    return path
