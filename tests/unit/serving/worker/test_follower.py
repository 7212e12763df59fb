"""Following, TLS contexts, and what a request costs."""

import builtins
import hmac
import logging
import ssl
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from gunicorn.config import Config

from engage_server.composition.creation import create_installation
from engage_server.composition.device_side import DeviceSide
from engage_server.composition.opening import ReleaseSealer
from engage_server.composition.starting.release_key import derived_release_key
from engage_server.errors import PortNotUsable, SettingsInvalid, StoreNotUsable
from engage_server.protocol.notice import digest_of
from engage_server.records import Host, StoreLook
from engage_server.services.distribution.snapshot import ServedRelease, Snapshot
from engage_server.serving.gunicorn_options import InstanceConfig
from engage_server.serving.ports import assert_bindable
from engage_server.serving.worker.answers.prepared_answers import PreparedAnswers
from engage_server.serving.worker.connections.tls_context import TlsContexts
from engage_server.serving.worker.follower import SnapshotFollower
from engage_server.serving.worker.spool_words import SpoolWords
from engage_server.settings import load_settings
from engage_server.store.sql_store import SqlStore
from engage_server.web.app import create_app
from tests.support.chains import SITE_KEY
from tests.support.running import NOTICE
from tests.support.world import World, serial_of

QUIET = logging.getLogger("test")


@pytest.fixture
def device_side(world: World, monkeypatch: pytest.MonkeyPatch) -> DeviceSide:
    """The device side on the world's store."""
    (world.folder / "other").mkdir()
    settings = load_settings(None, {}, {}, world.folder / "other")
    create_installation(settings, {}).close()
    side = DeviceSide(settings, ReleaseSealer(derived_release_key(settings, {})))
    side.release_connections()
    monkeypatch.setattr(side, "_store", world.store)
    return side


def follower(side: DeviceSide, tls: TlsContexts | None = None) -> SnapshotFollower:
    prepare, try_out = (tls.prepare, tls.try_out) if tls else (lambda *_: None, None)
    return SnapshotFollower(side, prepare, 0.01, QUIET, "https", try_out)


@pytest.mark.parametrize(("seconds", "sentences"), [([60.0, 1.0], 0), ([1.0] * 9, 1)], ids=["frozen", "hangs"])
def test_a_worker_that_was_frozen_does_not_blame_the_store(
    device_side: DeviceSide,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: list[float],
    sentences: int,
) -> None:
    """After a freeze it has not looked for long, and the store was well. The control: the follower hangs."""
    clock, left = [100.0], list(seconds)

    def wait(_seconds: float) -> bool:
        if not left:
            return True
        clock[0] += left.pop(0)
        if seconds[0] > 1.0 and len(left) == 0:
            followed._looked_at = clock[0]  # it goes on, too
        return False

    monkeypatch.setattr("engage_server.serving.worker.follower.time", SimpleNamespace(monotonic=lambda: clock[0]))
    followed = follower(device_side)
    monkeypatch.setattr(followed, "_stopped", SimpleNamespace(wait=wait))
    with caplog.at_level(logging.ERROR, QUIET.name):
        followed._watch_looks()
    assert [each.getMessage() for each in caplog.records if "no answer for" in each.getMessage()] == [
        "cannot follow the store, serving what is in memory: no answer for 6 s; later changes are not served yet"
    ] * sentences


class TestFollower:
    """The snapshot goes with the store, and never away with it."""

    def test_a_device_that_is_added_is_no_release(
        self, device_side: DeviceSide, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A line that names releases would read as if one had been activated."""
        followed = follower(device_side)
        world.add_site()
        with caplog.at_level(logging.INFO, QUIET.name):
            for act in (
                world.release,
                lambda: world.sites.add_device(serial_of(1), "main", world.occasion),
                world.release,
            ):
                act()
                followed._look()
        assert [each.getMessage() for each in caplog.records] == [
            "serving main release 1",
            "sites or devices were changed; the releases are the same",
            "serving main release 2",
        ]

    def test_it_takes_a_snapshot_only_when_something_changed(self, device_side: DeviceSide, world: World) -> None:
        followed = follower(device_side)
        assert followed.follow_once()
        assert not followed.follow_once()
        world.add_site()
        world.release()
        assert followed.follow_once()
        assert device_side.distribution.is_ready
        assert not followed.follow_once()

    def test_a_store_that_is_away_leaves_the_last_snapshot(
        self, device_side: DeviceSide, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        world.add_site()
        world.release()
        followed = follower(device_side)
        followed.follow_once()
        served = device_side.distribution.snapshot

        def away(_self: SqlStore) -> StoreLook:
            raise StoreNotUsable("the database is away")

        with monkeypatch.context() as patched, caplog.at_level(logging.INFO):
            patched.setattr(SqlStore, "look", away)
            followed.start()
            for _ in range(200):
                if "away" in caplog.text:
                    break
                followed._stopped.wait(0.01)
            assert device_side.distribution.snapshot is served
            followed._stopped.wait(0.2)
        assert caplog.text.count("cannot follow the store") == 1, "told once, not at every look"
        world.release()
        for _ in range(200):
            if device_side.distribution.snapshot.current["main"].number == 2:
                break
            followed._stopped.wait(0.01)
        followed.stop()
        assert device_side.distribution.snapshot.current["main"].number == 2

    @pytest.mark.parametrize("is_away", [False, True])
    def test_a_worker_that_cannot_say_what_it_leaves_does_not_sign_off(
        self, device_side: DeviceSide, world: World, *, is_away: bool
    ) -> None:
        """Otherwise nobody would know that evidence is missing. So it is silent, as if it had been killed."""

        def last_word() -> None:
            if is_away:
                raise StoreNotUsable("the database is away")

        world.add_site()
        words = SpoolWords(last_word=last_word)
        followed = SnapshotFollower(device_side, lambda *_: None, 0.01, QUIET, "https", spool_words=words)
        followed.heartbeat()
        followed.start()
        followed.stop()
        assert len(world.store.workers(timedelta(seconds=5))) == int(is_away)

    def test_a_site_whose_release_can_not_be_loaded_stays_at_the_last_good_one(
        self, device_side: DeviceSide, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.add_site()
        world.release()
        tls = TlsContexts(device_side.distribution, "default")
        followed = follower(device_side, tls)
        followed.follow_once()
        context, served = tls.of(None), device_side.distribution.snapshot

        def broken(*_arguments: Any, **_options: Any) -> None:
            raise ssl.SSLError("no")

        world.release()
        with monkeypatch.context() as patched:
            patched.setattr(ssl.SSLContext, "load_cert_chain", broken)
            assert followed.follow_once()
            now = device_side.distribution.snapshot
            assert now.current == served.current, "notice and TLS chain stay together"
            assert now.kept["main"].code == "release.not_loaded"
            assert tls.of(None) is context
            followed.heartbeat()
            (status,) = world.store.workers(timedelta(seconds=5))
            assert (status.served, status.generation) == ({"main": 1}, now.generation)
            assert "release 2 of main" in status.trouble["main"]
            client = create_app(device_side.distribution).test_client()
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json) == (200, {"status": "behind", "reasons": ["release.not_loaded"]})
            assert not followed.follow_once(), "it is not tried again at every look"
        followed._say_at = 0.0
        followed.follow_once()
        assert device_side.distribution.snapshot.current["main"].number == 2
        assert device_side.distribution.snapshot.kept == {}
        assert tls.of(None) is not context
        assert client.get("/readyz").json == {"status": "ready"}

    def test_one_site_that_can_not_be_loaded_holds_up_no_other(
        self, device_side: DeviceSide, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.add_site("a", (Host("a.example"),))
        world.add_site("b", (Host("b.example"),))
        world.release("a"), world.release("b")
        tls = TlsContexts(device_side.distribution, "default")
        followed = follower(device_side, tls)
        followed.follow_once()
        build = TlsContexts._context_of

        def broken_for_a(self: TlsContexts, release: ServedRelease) -> Any:
            if release.site == "a":
                raise ssl.SSLError("no")
            return build(self, release)

        monkeypatch.setattr(TlsContexts, "_context_of", broken_for_a)
        world.release("a"), world.release("b")
        assert followed.follow_once()
        snapshot = device_side.distribution.snapshot
        assert {site: release.number for site, release in snapshot.current.items()} == {"a": 1, "b": 2}
        assert set(snapshot.kept) == {"a"}


class TestTlsContexts:
    """One context for each release, made once."""

    def test_built_once_for_each_release(
        self, device_side: DeviceSide, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        built = []
        load = ssl.SSLContext.load_cert_chain

        def counting(self: ssl.SSLContext, *arguments: Any, **options: Any) -> None:
            built.append(self)
            load(self, *arguments, **options)

        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", counting)
        world.add_site()
        world.release()
        tls = TlsContexts(device_side.distribution, "default")
        followed = follower(device_side, tls)
        followed.follow_once()
        assert {id(tls.of(None)) for _ in range(10)} == {id(built[0])}
        world.sites.add_device("00" * 16, "main", world.occasion)
        followed.follow_once()
        assert len(built) == 1, "another change of the store builds nothing"
        world.release()
        followed.follow_once()
        assert len(built) == 2
        assert tls.of(None) is built[1]
        world.releases.activate("main", 1, {}, world.occasion)
        followed.follow_once()
        assert tls.of(None) is not built[1]

    def test_retired_contexts_are_let_go(self, device_side: DeviceSide, world: World) -> None:
        world.add_site()
        tls = TlsContexts(device_side.distribution, "default")
        followed = follower(device_side, tls)
        for _ in range(4):
            world.release()
            followed.follow_once()
        assert len(tls._contexts) <= 2

    def test_what_is_held_can_be_published_while_the_next_one_is_prepared(
        self, device_side: DeviceSide, world: World
    ) -> None:
        """Its moment may come meanwhile, in another thread."""
        world.add_site()
        world.release()
        tls = TlsContexts(device_side.distribution, "default")
        app = create_app(device_side.distribution)
        answers = PreparedAnswers(app, device_side.distribution)
        follower(device_side, tls).follow_once()
        snapshots: list[Snapshot] = []
        for held in (None, 0):
            world.release()
            snapshots.append(device_side.take_snapshot(tls.try_out))
            for each in (tls, answers):
                each.prepare(snapshots[-1], None if held is None else snapshots[held])
        for snapshot in (device_side.distribution.snapshot, *snapshots):
            device_side.distribution.publish(snapshot)
            context = tls.of(None)
            assert context is not None
            assert context.release == snapshot.current["main"].number
            assert snapshot.current["main"].notice in answers._answers

    def test_without_a_release_the_handshake_fails(self, device_side: DeviceSide) -> None:
        tls = TlsContexts(device_side.distribution, "default")
        server, client = ssl.MemoryBIO(), ssl.MemoryBIO()
        peer = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        peer.check_hostname, peer.verify_mode = False, ssl.CERT_NONE
        hello = peer.wrap_bio(client, server)
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        with pytest.raises(ssl.SSLError, match=r"(?i)no.shared.cipher|no.suitable.signature"):
            tls.current().wrap_bio(server, client, server_side=True).do_handshake()

    def test_the_key_never_lies_in_a_file_unencrypted(
        self, device_side: DeviceSide, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = []
        load = ssl.SSLContext.load_cert_chain

        def reading(self: ssl.SSLContext, file: str, **options: Any) -> None:
            seen.append(Path(file).read_bytes())
            load(self, file, **options)

        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", reading)
        world.add_site()
        world.release()
        follower(device_side, TlsContexts(device_side.distribution, "default")).follow_once()
        (content,) = seen
        assert b"ENCRYPTED PRIVATE KEY" in content
        assert b"BEGIN PRIVATE KEY" not in content


def test_a_request_costs_no_x509_no_hmac_no_sql_and_no_file(
    device_side: DeviceSide, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 4 and the issue's speed rule: after the snapshot, none of these is touched."""
    world.add_site()
    world.release()
    follower(device_side).follow_once()
    client = create_app(device_side.distribution).test_client()
    digest = digest_of(world.store.release("main", 1).anchor_der)
    world.store.close()
    touched: list[str] = []

    def forbidden(name: str) -> Any:
        def call(*_arguments: Any, **_options: Any) -> None:
            touched.append(name)
            raise AssertionError(name)

        return call

    client.get(NOTICE)  # Flask's own first request
    monkeypatch.setattr(builtins, "open", forbidden("open"))
    monkeypatch.setattr(Path, "open", forbidden("Path.open"))
    monkeypatch.setattr(hmac, "new", forbidden("hmac.new"))
    monkeypatch.setattr(x509, "load_der_x509_certificate", forbidden("x509"))
    for method in ("generation", "look", "sites", "releases", "site_key", "private_key", "device_serials"):
        monkeypatch.setattr(SqlStore, method, forbidden(method))
    watching = True
    sys.addaudithook(lambda name, _: touched.append(name) if watching and name in {"open", "sqlite3.connect"} else None)
    try:
        answers = [client.get(path).status_code for path in (NOTICE, f"/certificates/{digest}.der", "/readyz")]
    finally:
        watching = False
    assert answers == [200, 200, 200]
    assert touched == []


def test_gunicorn_is_told_of_tls_without_files() -> None:
    assert InstanceConfig("json", secure=True).is_ssl
    assert not InstanceConfig("json", secure=False).is_ssl
    assert not Config().is_ssl


def test_ports(free_port: int) -> None:
    import socket

    assert_bindable("127.0.0.1", free_port, "--http-port")
    assert_bindable("::1", free_port, "--http-port")
    with (
        socket.create_server(("127.0.0.1", free_port)),
        pytest.raises(PortNotUsable, match="is in use") as caught,
    ):
        assert_bindable("127.0.0.1", free_port, "--http-port")
    assert f"--http-port {free_port + 1}" in caught.value.next_step
    with (
        socket.create_server(("127.0.0.1", free_port)),
        pytest.raises(PortNotUsable) as another,
    ):
        assert_bindable("127.0.0.1", free_port, "--http-port", [free_port + 1, free_port + 2])
    assert another.value.next_step.endswith(f"--http-port {free_port + 3}"), "not a port of our own"
    with pytest.raises(SettingsInvalid, match="not an address of this machine"):
        assert_bindable("192.0.2.200", free_port, "--http-port")
    with pytest.raises(SettingsInvalid, match="not an IP address"):
        assert_bindable("nowhere.invalid", free_port, "--http-port")


@pytest.fixture
def free_port() -> int:
    from tests.support.running import free_ports

    return free_ports()[0]


def test_the_snapshot_of_the_plain_instance_holds_no_key(world: World) -> None:
    from engage_server.services.distribution.snapshot import take_snapshot

    world.add_site()
    world.release()
    snapshot = take_snapshot(SqlStore(world.store._engine, None), 80, with_private_keys=False)
    assert snapshot.current["main"].private_key is None
    assert SITE_KEY.reveal() not in repr(snapshot).encode()


@pytest.mark.parametrize("with_release", [False, True])
def test_the_cache_of_sessions_can_not_grow(device_side: DeviceSide, world: World, with_release: bool) -> None:
    """What holds it is exchanged every two thousand handshakes, for one that serves the same."""
    tls = TlsContexts(device_side.distribution, "default")
    if with_release:
        world.add_site()
        world.release()
        follower(device_side, tls).follow_once()
    first = tls.current()
    assert {id(tls.current()) for _ in range(1900)} == {id(first)}
    later = [tls.current() for _ in range(300)]
    assert later[-1] is not first
    assert (later[-1].site, later[-1].release) == (("main", 1) if with_release else (None, None))
    assert len({id(context) for context in later}) == 2


def test_the_settings_of_a_context_themselves(device_side: DeviceSide) -> None:
    """OpenSSL 3 would hide it if they were missing: it refuses some of this by itself."""
    default = TlsContexts(device_side.distribution, "default").current()
    assert default.minimum_version == ssl.TLSVersion.TLSv1_2
    for option in (ssl.OP_NO_RENEGOTIATION, ssl.OP_NO_COMPRESSION, ssl.OP_NO_TICKET, ssl.OP_CIPHER_SERVER_PREFERENCE):
        assert default.options & option
