"""``engage kpn``: the table of its commands."""

from engage_server.cli.groups import LazyGroup

_HERE = "engage_server.links.commands"

kpn = LazyGroup(
    name="kpn",
    help="KPN Things: devices, messages to them, and reports to KPN.\n\n"
    "Checked against curl, sha256sum and KPN's own SenML library. Never against KPN Things. Its "
    "document leaves things open: the table of response codes is missing.",
    epilog="See docs/kpn.md. The ingress that KPN and devices call: engage serve links.",
    table={
        "device": (f"{_HERE}.kpn_device_commands", "device"),
        "downlink": (f"{_HERE}.kpn_downlink_commands", "downlink"),
        "send": (f"{_HERE}.kpn_send_command", "send_command"),
        "token": (f"{_HERE}.kpn_secret_commands", "token"),
        "secret": (f"{_HERE}.kpn_secret_commands", "secret"),
    },
)
