"""The next step for a site that serves nothing yet."""

import shlex
from typing import TYPE_CHECKING

from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.services.chains.folder import free_folder
from engage_server.services.installation.overview import SiteStatus

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide


def next_of_unserved(session: Session, operator: "OperatorSide", status: SiteStatus) -> str:
    """Activate the newest staged release, if the checks allow it today. If not, build a chain in a free folder."""
    name, number = status.site.name, status.newest_staged
    hosts = " ".join(f"--host {host}" for host in status.site.hosts)
    folder = shlex.quote(str(free_folder(session.settings().certs_dir / name)))
    build = f"{program()} chain build {folder} {hosts}, then {program()} release stage {folder} --site {name}"
    if number is None:
        return build
    if operator.releases.check(name, number, session.occasion()).errors:
        return f"release {number} has errors: {program()} release show {number} --site {name}. For a new one: {build}"
    return f"{program()} release activate {number} --site {name}"
