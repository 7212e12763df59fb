"""``engage init``."""

import pwd
from pathlib import Path

import click

from engage_server.cli.output import print_next
from engage_server.cli.parameters import (
    demo_option,
    hosts_option,
    read_passphrase_option,
    read_site_key_option,
    site_key_option,
    trials_option,
)
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import pasteable, program
from engage_server.cli.session import Session, closing, tell_entry
from engage_server.cli.shell import completions
from engage_server.composition.creation import UPDATED, create_installation, only_one_init
from engage_server.composition.remains import assert_not_lost, assert_not_restoring
from engage_server.files import PUBLIC_MODE, make_folder, owner_of, write_new_file
from engage_server.records import Host
from engage_server.services.access.permissions import Act
from engage_server.services.chains.authority import authority_key_files
from engage_server.services.installation.first_site import InstallationPlan
from engage_server.services.installation.own_hosts import own_hosts
from engage_server.settings import Settings
from engage_server.settings_file import settings_file
from engage_server.settings_text import settings_template

_EXAMPLE = """\b
Examples:
  engage init
      this machine's own names and addresses
  engage init --host locks.example.org --host 10.44.68.128 --site-key-file site.key
  engage init --host locks.example.org --passphrase-file ca.passphrase

Run it again to finish what an interrupted run left undone. What is done is not changed.
"""


@click.command(cls=AskingCommand, acts=[Act.INSTALLATION_MAKE], epilog=_EXAMPLE)
@click.option("--site", default="main", show_default=True, metavar="NAME", help="The name of the first site.")
@hosts_option(required=False)
@click.option(
    "--organization",
    default="",
    metavar="NAME",
    help="Organization (O=) in all three certificates. It is stored six times, so keep it short.",
)
@site_key_option
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Encrypt the keys of root and intermediate. - reads standard input. ENGAGE_PASSPHRASE may hold it.",
)
@click.option("--new", is_flag=True, help="Make a new installation even if an earlier one has lost its database.")
@demo_option
@trials_option
@click.pass_obj
def init(
    session: Session,
    site: str,
    hosts: tuple[Host, ...],
    organization: str,
    site_key_file: str | None,
    passphrase_file: str | None,
    new: bool,
    demo: bool,
    trials: bool,
) -> int:
    """Make an installation, or update its database.

    Writes a settings file, a key-encryption key and the database. Adds a site, builds a chain for its hosts, checks it,
    and makes it the first release. In an existing installation, it updates the database to this version.

    The site gets a new random site key unless you give one. A site key can never be changed. For real doors, give the
    key that they were commissioned with.

    If a key or device files exist but the database does not, it was lost. The command then stops: restore the database.

    If root runs the command, the files belong to the owner of their folder.

    Exit status 1 if everything was done but the audit log had been changed. The log is left as it is, and not signed
    again.
    """
    file, is_named = settings_file(session.config, session.environment, session.folder)
    has_settings = file.exists()
    if has_settings or not is_named:  # a file that is named is made first: it says where the data are
        assert_not_restoring(session.settings())  # before the first file is written
    if not new and has_settings:
        assert_not_lost(session.settings(), early=True)
    key = read_site_key_option(session, site_key_file, demo, may_be_gone=has_settings)
    passphrase = read_passphrase_option(session, passphrase_file)
    ensure_settings_file(session)
    settings = session.settings()
    done: list[str] = []

    def tell(step: str) -> None:
        click.echo(pasteable(step))
        done.append(step)

    with only_one_init(settings):
        operator = closing(
            create_installation(
                settings, session.environment, session.actor(), tell_entry, tell, new=new, reason=session.reason
            )
        )
        if key is None and all(each.name != site for each in operator.sites.all()):
            key = read_site_key_option(session, site_key_file, demo)  # which is needed now, if one is named
        plan = InstallationPlan(
            site, hosts, organization, key, settings.certs_dir / site, passphrase=passphrase, for_trials=trials
        )
        operator.installer.run(plan, own_hosts(), session.occasion(), tell)
        faults = operator.audit.verify().faults
        is_served = bool(operator.confirmations.workers())
    if not done:
        click.echo(f"nothing to do: site {site} exists and has a release")
    _print_what_to_keep(settings, site)
    if faults:
        click.echo(
            f"the audit log was changed by somebody without the key: {faults[0]}. It is left as it is.", err=True
        )
        print_next(f"{program()} audit verify")
        return 1
    if done and all(each.startswith(UPDATED) for each in done):
        print_next("restart the servers, if they run. Until then, they do not follow changes")
    else:
        print_next(f"{program()} {'status' if is_served else 'serve'}")
    return 0


def ensure_settings_file(session: Session) -> None:
    """Write a settings file with nothing but defaults, if there is none yet."""
    file, named = settings_file(session.config, session.environment, session.folder)
    if file.exists():
        return
    make_folder(Path(file).parent)
    write_new_file(file, settings_template().encode(), PUBLIC_MODE)
    click.echo(f"wrote {file}" if named else f"wrote {file.name}")


def _print_what_to_keep(settings: Settings, site: str) -> None:
    click.echo(
        f"keep copies of {settings.key_encryption_key_file.name} and of the site key, which nobody can replace:\n"
        f"  {program()} site export-key {site} FILE"
    )
    folders = dict.fromkeys(str(path.parent) for path in authority_key_files(settings.certs_dir))
    if folders:
        click.echo(
            f"the authority's keys are in {' and '.join(folders)}. The servers do not need them: move them offline."
        )
    owner = owner_of(settings.data_dir)
    if owner is not None:
        click.echo(f"run as root: the new files in {settings.data_dir} belong to its owner, {_name_of(owner[0])}")


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
