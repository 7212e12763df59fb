"""Two balancers with one address between them: HAProxy passes devices on, keepalived moves the address."""

from pathlib import Path

from tests.support.commands import clean_environment
from tests.trials.network import Machine, Running
from tests.trials.nodes import DOORS_CALL, Node

_HAPROXY = """
global
    stats socket {folder}/socket
defaults
    mode tcp
    timeout connect 2s
    timeout client 15s
    timeout server 15s
    timeout check 1s
    retries 2
    option redispatch
listen alive
    mode http
    bind 127.0.0.1:8404
    monitor-uri /alive
"""
_LISTEN = """
listen doors{port}
    bind {address}:{port}
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 send-proxy-v2 check check-send-proxy {tls} on-marked-down shutdown-sessions
"""
_KEEPALIVED = """
global_defs {{
    vrrp_version 3
    script_user root
    enable_script_security
    vrrp_garp_master_refresh 1
}}
vrrp_script alive {{
    script "/usr/bin/curl -s -o /dev/null -f -m 1 http://127.0.0.1:8404/alive"
    interval 1
    timeout 2
    fall 2
    rise 1
}}
vrrp_instance doors {{
    state BACKUP
    interface eth0
    virtual_router_id 79
    priority {priority}
    advert_int 0.5
    unicast_src_ip {own}
    unicast_peer {{
        {other}
    }}
    virtual_ipaddress {{
        {address}/16
    }}
    track_script {{
        alive
    }}
}}
"""


class Balancer:
    """One balancer.

    Args:
        machine: Where it runs.
        other: The machine of the other one.
        folder: Its configuration.
        priority: The one with more has the address while both are well.
    """

    def __init__(self, machine: Machine, other: Machine, folder: Path, priority: int) -> None:
        self.machine, self._other, self._folder, self._priority = machine, other, folder, priority
        folder.mkdir()
        self.haproxy: Running | None = None
        self.keepalived: Running | None = None

    def configure(self, nodes: list[Node]) -> None:
        """Write its configuration."""
        text = _HAPROXY.format(folder=self._folder)
        for port, tls in ((80, ""), (443, "check-ssl verify none")):
            text += _LISTEN.format(port=port, address=DOORS_CALL, tls=tls)
            for each in nodes:
                text += f"    server {each.machine.name} {each.machine.address}:{port}\n"
        (self._folder / "haproxy.cfg").write_text(text)
        vrrp = _KEEPALIVED.format(
            priority=self._priority, own=self.machine.address, other=self._other.address, address=DOORS_CALL
        )
        (self._folder / "keepalived.conf").write_text(vrrp)
        (self._folder / "keepalived.conf").chmod(0o644)

    def start(self) -> None:
        """Start both programs."""
        folder, environment = self._folder, clean_environment()
        proxy = ("haproxy", "-db", "-f", str(folder / "haproxy.cfg"))
        self.haproxy = self.machine.start(folder / "haproxy.log", environment, folder, *proxy)
        pids = [f"--{which}={folder}/{which}" for which in ("pid", "vrrp_pid", "checkers_pid")]
        vrrp = ("keepalived", "--dont-fork", "--log-console", "-P", "-f", str(folder / "keepalived.conf"), *pids)
        self.keepalived = self.machine.start(folder / "keepalived.log", environment, folder, *vrrp)

    def has_address(self) -> bool:
        """Whether doors reach this one."""
        return f"{DOORS_CALL}/" in self.machine.done("ip", "address", "show", "dev", "eth0")

    def kill(self) -> None:
        """Both programs at once. Nobody takes the address off the interface then, as nobody would after a crash of the
        host: that is done here, as its interface would be gone."""
        for each in (self.keepalived, self.haproxy):
            assert each is not None
            each.kill()
        if self.has_address():
            self.machine.done("ip", "address", "del", f"{DOORS_CALL}/16", "dev", "eth0")
