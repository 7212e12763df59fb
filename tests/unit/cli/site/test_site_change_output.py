"""What a changed site means for devices that call a host which it no longer has."""

from dataclasses import replace

import pytest

from engage_server.cli.site.site_change_output import warn_of_site_change
from engage_server.records import AnchorRole, Host, Site
from engage_server.services.evidence.callers import HostCallers
from tests.support.chains import NOW

OLD, NEW = Host("old.example.org"), Host("new.example.org")
BEFORE = Site("main", (OLD, NEW), AnchorRole.ROOT, True, (), NOW)


def told(capsys: pytest.CaptureFixture[str], before: Site) -> str:
    warn_of_site_change(replace(before, hosts=(NEW,)), [HostCallers(OLD, 0, ())])
    return capsys.readouterr().err


def test_the_default_site_goes_on_answering_them(capsys: pytest.CaptureFixture[str]) -> None:
    words = told(capsys, BEFORE)
    assert "still get the answers of main, the default site. They refuse TLS once its certificate is not for" in words
    assert "refuse its TLS" not in words


def test_another_sites_chain_has_another_root(capsys: pytest.CaptureFixture[str]) -> None:
    assert "get the default site's answers, and refuse its TLS." in told(capsys, replace(BEFORE, is_default=False))


def test_nothing_is_said_where_no_host_was_removed(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_site_change(BEFORE, [])
    assert capsys.readouterr().err == ""
