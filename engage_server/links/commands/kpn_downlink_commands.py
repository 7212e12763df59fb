"""``engage kpn downlink``."""

from datetime import datetime
from pathlib import Path

import click

from engage_server.as_json.kpn import downlink_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_json, print_next, print_table, print_wrapped
from engage_server.cli.parameters import FilePath, Numbered
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.files import read_file
from engage_server.links.kpn.answering.message import read_message
from engage_server.links.kpn.device_name import DeviceName, NameKind, read_imei
from engage_server.links.kpn.senml.writing import read_reading, write_pack
from engage_server.links.kpn.sms_schedule import SENDER, WHOLE_SCHEDULE, fails_at, has_failed, sms_attempts
from engage_server.records import Downlink, DownlinkChannel, DownlinkStatus
from engage_server.services.access.permissions import Act

_MAX_CONTENT_BYTES = 4096
_EXAMPLES = """\b
Examples:
  engage kpn downlink send 490154203237518 report=now interval=60
  engage kpn downlink send 490154203237518 --file downlink.json
  engage kpn downlink send 490154203237518 report=now --sms
"""


@click.group(cls=OrderedGroup, order=("send", "list", "cancel"))
def downlink() -> None:
    """Messages to devices: one at a time, in the answer to a device's report."""


@downlink.command(acts=[Act.DOWNLINK_SEND], epilog=_EXAMPLES)
@click.argument("imei", metavar="IMEI")
@click.argument("readings", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--file", type=FilePath, metavar="FILE", help="Send this SenML instead.")
@click.option("--sms", is_flag=True, help="Plan it as an SMS. This server cannot send SMS: KPN's network does.")
@json_option
@click.pass_obj
def send(session: Session, imei: str, readings: tuple[str, ...], file: Path | None, sms: bool, as_json: bool) -> None:
    """Queue a message to a device.

    It is executing at once if no other message to this device is. The answer to the device's next report carries it.
    Delivered then means: it was sent in an answer. No device confirms that it arrived.
    """
    number = read_imei(imei)
    content = _content(number, readings, file, session.now())
    channel = DownlinkChannel.SMS if sms else DownlinkChannel.HTTP
    queued = session.operator_side().kpn_devices.send(number, channel, content, session.occasion())
    if as_json:
        print_json({**downlink_json(queued, queued.status), **({"attempts": _attempts(queued)} if sms else {})})
        return
    click.echo(f"downlink {queued.number} to device {number} is {queued.status}: {queued.content}")
    if sms:
        _print_plan(queued)
    print_next(f"{program()} kpn downlink list")


@downlink.command(
    "list",
    acts=[Act.DOWNLINK_SEE],
    epilog="\b\nExamples:\n  engage kpn downlink list\n  engage kpn downlink list --imei 490154203237518",
)
@click.option("--imei", metavar="IMEI", help="Only those to this device. [default: to all devices]")
@json_option
@click.pass_obj
def list_downlinks(session: Session, imei: str | None, as_json: bool) -> None:
    """List the messages to devices, oldest first."""
    now = session.now()
    found = session.operator_side().kpn_devices.downlinks(None if imei is None else read_imei(imei))
    if as_json:
        print_json([downlink_json(each, status_at(each, now)) for each in found])
        return
    rows = [
        (
            each.number,
            each.imei,
            each.channel,
            status_at(each, now),
            f"{each.changed_at:%Y-%m-%d %H:%M:%S}",
            each.content,
        )
        for each in found
    ]
    print_table(["", "device", "channel", "status", "since (UTC)", "content"], rows, "there is no downlink")
    print_next(f"{program()} kpn downlink {'cancel N' if found else 'send IMEI NAME=VALUE'}")


@downlink.command(acts=[Act.DOWNLINK_SEND], epilog="\b\nExample:\n  engage kpn downlink cancel 3")
@click.argument("number", type=Numbered, metavar="N")
@json_option
@click.pass_obj
def cancel(session: Session, number: int, as_json: bool) -> None:
    """Cancel a message that is queued or executing.

    The next one to the device is executing then. An SMS that KPN's network already has cannot be called back.
    """
    cancelled = session.operator_side().kpn_devices.cancel(number, session.occasion())
    if as_json:
        print_json(downlink_json(cancelled, cancelled.status))
        return
    click.echo(f"cancelled downlink {number} to device {cancelled.imei}")
    print_next(f"{program()} kpn downlink list")


def status_at(downlink: Downlink, now: datetime) -> DownlinkStatus:
    """Where a message stands: an SMS fails by the clock, and the store learns it a little later."""
    is_tried = downlink.channel is DownlinkChannel.SMS and downlink.status is DownlinkStatus.EXECUTING
    return DownlinkStatus.FAILED if is_tried and has_failed(downlink.changed_at, now) else downlink.status


def _content(imei: str, readings: tuple[str, ...], file: Path | None, now: datetime) -> str:
    if bool(readings) is (file is not None):
        raise UsageError("a message has values or a file", "Give NAME=VALUE, or --file FILE.")
    device = DeviceName(NameKind.IMEI, imei)
    if file is None:
        content = write_pack(device, [read_reading(each) for each in readings], None)
    else:
        content = read_file(file, limit=_MAX_CONTENT_BYTES).strip()
    if len(content) > _MAX_CONTENT_BYTES:
        raise UsageError(f"the message has more than {_MAX_CONTENT_BYTES} bytes", "Send less.")
    named = read_message(content, now).device
    if named != device:
        raise UsageError(f"the message does not name device {imei}", f'Begin with "bn": "{device}".')
    return content.decode()


def _attempts(queued: Downlink) -> list[dict[str, object]]:
    if queued.status is not DownlinkStatus.EXECUTING:
        return []
    return [
        {"attempt": each.number, "at": each.at.isoformat(), "span": each.span, "happens": each.happens}
        for each in sms_attempts(queued.changed_at)
    ]


def _print_plan(queued: Downlink) -> None:
    print_wrapped("This server has no SMS gateway. Enter the text in KPN Things: its network sends it.", "")
    print_wrapped(f"The device sees the sender {SENDER}. The text has {len(queued.content)} characters.", "")
    if queued.status is not DownlinkStatus.EXECUTING:
        click.echo("It waits for another SMS to this device.")
        return
    rows = [
        (each.number or "", f"{each.at:%Y-%m-%d %H:%M}", each.span or "first attempt", "" if each.happens else "never")
        for each in sms_attempts(queued.changed_at)
    ]
    print_table(["retry", "at (UTC)", "the document's span", ""], rows, "")
    hours, minutes = divmod(int(WHOLE_SCHEDULE.total_seconds()) // 60, 60)
    failed = f"{fails_at(queued.changed_at):%Y-%m-%d %H:%M} UTC"
    print_wrapped(f"If the device stays away, the SMS is FAILED at {failed}, after 48 h.", "")
    print_wrapped(f"The document's spans add up to {hours} h {minutes} min. So its last retry never happens.", "")
