"""``engage sim``: the table of its commands."""

from engage_server.cli.groups import LazyGroup

_HERE = "engage_server.links.commands.sim"

sim = LazyGroup(
    name="sim",
    help="SIMs of sites: their state, their network, and their cost.\n\n"
    "The words are those of the IoT Programmable SIM API. A Thing is a SIM, or a device with one. A Things Group has "
    "Things with the same configuration. A Network has pools of addresses, routes, NAT rules and tunnels. An IP "
    "Profile is a firewall.\n\n"
    "No path of that API is public. So you supply your operator's contract, and links.toml names it.",
    epilog="See docs/sim.md. To hear about changes by itself, the ingress asks: engage serve links.",
    table={
        "list": (f"{_HERE}.list_command", "list_command"),
        "show": (f"{_HERE}.show_command", "show"),
        "plan": (f"{_HERE}.bulks.plan_command", "plan"),
        "set": (f"{_HERE}.bulks.set_command", "set_command"),
        "bulk": (f"{_HERE}.bulks.bulk_commands", "bulk"),
        "tag": (f"{_HERE}.bulks.change_commands", "tag"),
        "services": (f"{_HERE}.bulks.change_commands", "services"),
        "lock-address": (f"{_HERE}.address_command", "lock_address"),
        "rule": (f"{_HERE}.network.rule_commands", "rule"),
        "nat": (f"{_HERE}.network.nat_commands", "nat"),
        "ipsec": (f"{_HERE}.network.ipsec_commands", "ipsec"),
        "route": (f"{_HERE}.network.route_commands", "route"),
        "sms": (f"{_HERE}.sms_commands", "sms"),
        "billing": (f"{_HERE}.billing_command", "billing"),
        "user": (f"{_HERE}.user_commands", "user"),
    },
)
