"""About: the version, what serves devices, what lies on the disk."""

from engage_server import __version__
from engage_server.records import Role
from tests.support.console import Console


def test_who_has_a_role_at_all_sites_sees_what_serves(console: Console) -> None:
    """Here nothing does, and the page says what to do."""
    page = console.person("ann", Role.VIEWER).page("/about")
    assert __version__ in page.text
    assert "No worker serves devices. Start them: engage serve" in page.text
    newest = console.side.audit.last(1)[0]
    assert f"{newest.number}:{newest.hash}" in page.text


def test_who_has_a_role_at_one_site_sees_the_version_alone(console: Console) -> None:
    """Hosts serve all sites."""
    page = console.person("ann", Role.VIEWER, ("main",)).page("/about")
    assert __version__ in page.text
    assert "worker" not in page.text.lower()
