"""What makes the suite fast changes no test: commands in this process, pooled keys, copied databases, templates."""

import os
import signal
import sqlite3
import sys
import threading
import warnings
from base64 import encodebytes
from collections.abc import Callable
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from flask import Flask, render_template
from jinja2 import DictLoader, Environment

from engage_server.errors import PrivateKeyInvalid
from engage_server.pki import keys
from engage_server.records import Secret
from engage_server.store.database.engine import create_sqlite_file, open_engine
from tests.support import rsa_keys
from tests.support.commands import engage, engage_process, ok
from tests.support.databases import migrated_sqlite, upgrade
from tests.support.lengths import RUN, examples, spread
from tests.support.postgresql import PostgresServer

_COMMANDS = [  # one of each group, and each way to end
    (0, ("--version",)),
    (0, ("chain", "build", "new", "--help")),
    (0, ("settings",)),
    (2, ("nothing",)),
    (2, ("lock", "fetch", "http://h/x")),
    (2, ("hash", "file", "--site-key-file", "-")),
    (2, ("import", "vendor", "nowhere", "--site-key-file")),
    *((3, (group, "list")) for group in ("site", "device", "release", "host")),
    *((3, words) for words in (("rotate", "plan"), ("status",), ("audit", "verify"))),
    (3, ("key", "export-release-key", "file")),
]


_TRIED = spread(_COMMANDS, every=3)


@pytest.mark.parametrize(("status", "words"), _TRIED, ids=[" ".join(words) for _, words in _TRIED])
def test_a_command_does_here_what_it_does_in_a_process(status: int, words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    by_process = engage_process(tmp_path, *words, stdin=b"no key", ENGAGE_WORKERS="3", COLUMNS="100")
    here = engage(tmp_path, *words, stdin=b"no key", ENGAGE_WORKERS="3", COLUMNS="100")
    assert here == by_process or vars(here) == vars(by_process)
    assert here.returncode == status


def _state_of_the_process() -> list[object]:
    mask = os.umask(0o022)
    os.umask(mask)
    streams = sys.stdin, sys.stdout, sys.__stdout__, sys.stderr
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)]
    return [Path.cwd(), dict(os.environ), list(sys.argv), streams, mask, handlers, list(warnings.filters)]


def test_a_command_leaves_this_process_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_WORKERS", "2")
    before, threads = _state_of_the_process(), threading.active_count()
    ok(engage(tmp_path, "init", "--host", "a.example"))
    assert "3" in ok(engage(tmp_path, "settings", ENGAGE_WORKERS="3"))
    assert engage(tmp_path, "site", "show").returncode == 2
    assert _state_of_the_process() == before
    assert threading.active_count() == threads


def test_what_no_command_expects_ends_as_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("engage_server.settings.load_settings", broken)
    done = engage(tmp_path, "settings")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: planted")
    assert "Traceback" in done.stderr


def test_a_thread_gets_a_process(tmp_path: Path) -> None:
    here, done = Path.cwd(), []
    thread = threading.Thread(target=lambda: done.append(engage(tmp_path, "--version")))
    thread.start()
    while thread.is_alive():
        assert Path.cwd() == here
        thread.join(0.01)
    assert ok(done[0]).startswith("engage-server ")


@pytest.fixture(scope="session")
def kept_by_the_session() -> set[int]:
    return {_public(keys.generate_key()) for _ in range(3)}


@pytest.fixture(scope="module")
def kept_by_the_module() -> set[int]:
    return {_public(keys.generate_key()) for _ in range(3)}


@pytest.fixture
def of_one_test() -> set[int]:
    return {_public(keys.generate_key()) for _ in range(3)}


class TestKeys:
    """The pool, and what is known to be proven."""

    def test_a_key_comes_again_after_all_others(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rsa_keys, "_POOL", 4)
        pool = rsa_keys.KeyPool(tmp_path)
        drawn = [pool.draw(kept=False) for _ in range(8)]
        assert drawn[:4] == drawn[4:]
        assert len(set(map(_public, drawn))) == 4
        kept = pool.draw(kept=True)
        assert _public(kept) not in {_public(pool.draw(kept=False)) for _ in range(9)}
        again = rsa_keys.KeyPool(tmp_path)
        assert len({_public(again.draw(kept=False)) for _ in range(9)} & set(map(_public, drawn))) >= 3, "from the disk"

    def test_what_the_product_makes_is_of_the_pool_and_of_its_kind(self) -> None:
        made = [keys.generate_key() for _ in range(5)]
        assert len(set(map(_public, made))) == 5
        assert all((key.key_size, key.public_key().public_numbers().e) == (2048, 65537) for key in made)
        assert rsa.generate_private_key(65537, 3072).key_size == 3072, "others are made as ever"

    def test_shared_fixtures_keep_theirs(
        self, kept_by_the_session: set[int], kept_by_the_module: set[int], of_one_test: set[int]
    ) -> None:
        with rsa_keys.keeping():
            kept = {_public(keys.generate_key()) for _ in range(3)}
        drawn = {_public(keys.generate_key()) for _ in range(200)}
        assert not (kept | kept_by_the_module) & drawn
        assert not kept_by_the_session & drawn, "whatever fixtures live longest"
        assert of_one_test < drawn, "the control: these come again"

    def test_what_another_process_made_is_drawn_before_a_new_one_is_made(self, tmp_path: Path) -> None:
        one, other = rsa_keys.KeyPool(tmp_path), rsa_keys.KeyPool(tmp_path)
        made = [_public(one.draw(kept=True)) for _ in range(2)]
        assert sorted(_public(other.draw(kept=True)) for _ in range(2)) == sorted(made)
        new = _public(other.draw(kept=True))
        assert new not in made
        assert _public(one.draw(kept=True)) == new, "and the other way round"
        assert len(list(tmp_path.glob("*.der"))) == 3

    def test_numbers_are_proven_once_and_wrong_ones_never(self) -> None:
        """A key whose public exponent belongs to another private one: found each time, beside one that is right."""
        right = keys.private_key_pem(rsa_keys._make_key(65537, 2048))
        assert _reads(right)
        assert _reads(right)
        with_another_exponent = _with_another_exponent(right)
        assert not _reads(with_another_exponent)
        assert not _reads(with_another_exponent)
        serialization.load_pem_private_key(with_another_exponent.reveal(), None, unsafe_skip_rsa_key_validation=True)
        assert not _reads(with_another_exponent), "who did not look has proven nothing"

    def test_one_of_the_pool_needs_no_proof_and_one_that_is_nearly_it_does(self, tmp_path: Path) -> None:
        skipped: list[bool] = []

        def load(content: bytes, password: bytes | None, *, unsafe_skip_rsa_key_validation: bool) -> PrivateKeyTypes:
            skipped.append(unsafe_skip_rsa_key_validation)
            return serialization.load_pem_private_key(
                content, password, unsafe_skip_rsa_key_validation=unsafe_skip_rsa_key_validation
            )

        pool = rsa_keys.KeyPool(tmp_path)
        of_the_pool = keys.private_key_pem(pool.draw(kept=False))
        read = rsa_keys._proving_once(load, pool)
        read(of_the_pool.reveal(), None)
        assert all(skipped)
        with pytest.raises(ValueError, match="key"):
            read(_with_another_exponent(of_the_pool).reveal(), None)
        assert not all(skipped)


def _public(key: rsa.RSAPrivateKey) -> int:
    return key.public_key().public_numbers().n


def _reads(content: Secret) -> bool:
    try:
        keys.read_private_key(content, source="x")
    except PrivateKeyInvalid:
        return False
    return True


def _with_another_exponent(content: Secret) -> Secret:
    key = serialization.load_pem_private_key(content.reveal(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    encoding = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    der = key.private_bytes(serialization.Encoding.DER, *encoding)
    broken = der.replace(bytes.fromhex("0203010001"), bytes.fromhex("0203010003"), 1)
    assert broken != der
    return Secret(b"-----BEGIN PRIVATE KEY-----\n" + encodebytes(broken) + b"-----END PRIVATE KEY-----\n")


def test_a_copied_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    migrated_sqlite(tmp_path / "copied.db")
    url = f"sqlite:///{tmp_path / 'migrated.db'}"
    create_sqlite_file(url)
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    copied, migrated = _said(tmp_path / "copied.db"), _said(tmp_path / "migrated.db")
    assert copied == migrated
    assert len(copied) > 10
    assert (tmp_path / "copied.db").stat().st_mode == (tmp_path / "migrated.db").stat().st_mode


def _said(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


class TestTemplates:
    """What is compiled once is no other page."""

    def test_an_app_compiles_nothing_that_another_has_compiled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = _rendered("{{ 1 + n }}", _app())
        monkeypatch.setattr(Environment, "_generate", lambda *_: pytest.fail("compiled again"))
        assert first == _rendered("{{ 1 + n }}", _app()) == "3"

    def test_another_source_or_make_is_compiled_anew(self) -> None:
        assert _rendered("{{ 1 + n }}", _app()) == "3"
        assert _rendered("{{ 5 + n }}", _app()) == "7", "of the same name"
        assert [_rendered("{{ 'a' | upper }}", _app(upper=lambda _, each=each: each)) for each in "xy"] == ["x", "y"]
        escaping, other = _app(), _app()
        other.jinja_env.autoescape = False
        assert [_rendered("{{ '<' }}", app) for app in (escaping, other)] == ["&lt;", "<"]
        other.jinja_env.finalize = lambda _: "z"
        assert _rendered("{{ '<' }}", other) == "z"


def _app(**filters: Callable[..., str]) -> Flask:
    app = Flask(__name__)
    app.jinja_env.filters.update(filters)
    return app


def _rendered(source: str, app: Flask) -> str:
    app.jinja_env.loader = DictLoader({"page.html": source})
    with app.app_context():
        return render_template("page.html", n=2)


def test_a_database_that_is_done_with_goes_when_the_next_comes(postgresql: PostgresServer) -> None:
    first, other = postgresql.new_database(), postgresql.new_database()
    postgresql.done_with(first)
    new = postgresql.new_database()
    there = postgresql.ask("SELECT datname FROM pg_database").split()
    assert [postgresql.name_of(url) in there for url in (first, other, new)] == [False, True, True]
    postgresql.done_with(other)
    postgresql.done_with(new)


def test_a_spread_is_the_same_each_time_and_all_of_it_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RUN, "all", False)
    monkeypatch.setattr(RUN, "campaign", False)
    drawn = spread(product("ab", range(6)), every=5)
    assert drawn == spread(product("ab", range(6)), every=5) == [("a", 0), ("a", 5), ("b", 4)]
    monkeypatch.setattr(RUN, "all", True)
    assert spread(product("ab", range(6)), every=5) == list(product("ab", range(6)))
    assert spread("abcd", every=3, all=2) == ["a", "c"]
    monkeypatch.setattr(RUN, "campaign", True)
    assert spread("abcd", every=3, all=2) == list("abcd")


@pytest.mark.parametrize(
    ("of_ci", "of_campaign", "few", "more", "most"),
    [(False, False, 1, 1, 2), (True, False, 2, 2, 3), (True, True, 2, 3, 3)],
    ids=["quick", "CI", "campaign"],
)
def test_each_length_has_its_examples(
    monkeypatch: pytest.MonkeyPatch, of_ci: bool, of_campaign: bool, few: int, more: int, most: int
) -> None:
    monkeypatch.setattr(RUN, "all", of_ci)
    monkeypatch.setattr(RUN, "campaign", of_campaign)
    assert examples(quick=1, all=2) == few
    assert examples(quick=1, all=2, campaign=3) == more
    assert examples(quick=2, all=3) == most
