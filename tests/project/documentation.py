"""Makes the pages that are read off the code: commands, settings, checks, the API. ``scripts/fix`` writes them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import click

from engage_server.checks.explained import EXPLANATIONS
from engage_server.cli.root import engage
from engage_server.settings import ENVIRONMENT_PREFIX, table_of_settings
from engage_server.settings_file import SETTINGS_FILE
from engage_server.settings_text import shown_value
from engage_server.variables import (
    CONFIG_VARIABLE,
    FILE_SUFFIX,
    KEK_VARIABLE,
    PASSPHRASE_VARIABLE,
    RELEASE_KEY_VARIABLE,
    SITE_KEY_VARIABLE,
    SYSTEM_CONFIG_VARIABLE,
)
from tests.project.api_page import with_routes
from tests.project.chart_schema import with_settings
from tests.project.tonight_page import tonight_page
from tests.support.openapi_today import todays_document
from tests.support.rfc5280 import MUSTS

DOCS = Path(__file__).parents[2] / "docs"
_CHART = "../deploy/helm/engage-server/values.schema.json"
_PLAYBOOK = re.compile(
    r"(<!-- not run: deploy/ansible/release.yml, which scripts/fix copies -->\n```yaml\n).*?(```\n)", re.DOTALL
)
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name; copies, as a command keeps the help option of who asks first."""
    context = click.Context(engage, info_name="engage")
    for name in engage.list_commands(context):
        command = engage.get_command(context, name)
        assert command is not None
        yield from _commands_of(f"engage {name}", command, context)


def _commands_of(name: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, copy(command)
        return
    for below in command.list_commands(context):
        subcommand = command.get_command(context, below)
        assert subcommand is not None
        yield from _commands_of(f"{name} {below}", subcommand, context)


def pages() -> dict[str, str]:
    """The content of each generated page, by file name."""
    return {
        "commands.md": _commands_page(),
        "settings.md": _settings_page(),
        "tonight.md": tonight_page(),
        "checks.md": _checks_page(),
        "api.md": with_routes((DOCS / "api.md").read_text()),
        "api-recipes.md": with_playbook((DOCS / "api-recipes.md").read_text()),
        "ci.md": with_real_output((DOCS / "ci.md").read_text()),
        _CHART: with_settings((DOCS / _CHART).read_text()),
        "openapi.json": json.dumps(todays_document(), indent=2, ensure_ascii=False) + "\n",
    }


def with_playbook(page: str) -> str:
    """A page with the example of a playbook, as it is tried in tests/api. What its comments say stands on the page."""
    lines = (DOCS.parent / "deploy" / "ansible" / "release.yml").read_text().splitlines(keepends=True)
    shown = "".join(line for line in lines if not line.startswith("#"))
    return _PLAYBOOK.sub(lambda found: f"{found[1]}{shown}{found[2]}", page)


def with_real_output(page: str) -> str:
    """A page with what its commands print: each ``$`` line of a console block is run in docs/examples."""
    return _CONSOLE.sub(lambda block: f"```console\n{_transcript(block[1])}```", page)


def _transcript(block: str) -> str:
    status, lines = 0, []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        script = f"status() {{ return {status}; }}; status\n{command}"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=DOCS / "examples",
            env={"PATH": path, "LC_ALL": "C.UTF-8", SYSTEM_CONFIG_VARIABLE: ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        status = done.returncode
        lines.append(f"$ {command}\n{done.stdout}")
    return "".join(lines)


_CHECKS_INTRO = """# What is checked

Generated from the program by `scripts/fix`.

`engage chain check TARGET...` reports all findings of each chain, the worst first. Every release is checked with the
same rules before it goes live. A finding of severity **error** stops it, unless it is overridden by its code and with a
reason. `--format json` follows [chain-check.schema.json](chain-check.schema.json). Codes are stable: none is ever
renamed. `engage chain explain CODE` says why a rule exists, and how to fix what it finds.

## Targets

A target is a folder, a file, `-` for standard input, or a live host (`HOST[:PORT]`, `https://HOST[:PORT]`).

| container | as it is written by |
|---|---|
| PEM, with any text around it | OpenSSL, certbot, `openssl ca`, `openssl pkcs12`, `keytool -rfc` |
| labels `CERTIFICATE`, `X509 CERTIFICATE`, `TRUSTED CERTIFICATE` (without its trust data) | OpenSSL, old and new |
| labels `PKCS7`, `PKCS #7 SIGNED DATA`, `CMS` | OpenSSL, Java |
| PKCS#7 or PKCS#12 under the label `CERTIFICATE` | Windows (`certutil -encode`) |
| DER: one certificate or several; PKCS#7 (`.p7b`, `.p7c`, `.spc`) | Windows, Java, OpenSSL |
| PKCS#12 (`.pfx`, `.p12`), with RC2 and Triple DES, too | Windows, Java, OpenSSL |
| Base64 without PEM lines | Windows |
| Base64 of a whole PEM text | Kubernetes secrets, CI variables |
| PEM as UTF-16, or with BEGIN and END on one line: with a warning, because others cannot load it | PowerShell, `cat` |

A Java keystore (JKS, JCEKS) is not read; the finding has the command that converts it. UTF-32 text is not read.

In a folder, these files are one chain:

- those of a folder that holds `partner_...` files;
- a server certificate, its intermediates, its root and its private key, with any names. This is how certbot
  (`cert.pem`, `chain.pem`, `fullchain.pem`, `privkey.pem`), step, acme.sh, lego, win-acme and Kubernetes leave them;
- files with one CA certificate each.

A folder with several server certificates holds several chains. Each has the CAs that it needs, and the key that has its
name or belongs to it. Private keys alone, requests and CRLs in a folder are skipped. Subfolders are searched,
except hidden ones and links. On the command line, a key that is named beside a chain is compared with it.

A live host does not send its root. Name it with `--anchor`, or give the site key. With the site key, the certificate
that the host distributes is fetched by HTTP, checked as by a device, and compared with the TLS chain.

Two things count against the 4096 bytes: the root, sent or not, and every other certificate that the server sends. These
can be intermediates, link certificates, duplicates and unrelated ones. Where CAs were renewed or certify each other,
several paths lead to a root. The best path is judged. What is sent in addition to it gets separate findings.

`--profile` takes `nde`, `le`, `mt20w`, `gateway` or `any`, or a TOML file with `name` and any of `chain_der_bytes`,
`rsa_key_bits`, `rsa_key_bits_at_least`, `clock_hours`.

## Findings

| code | severity | rule | source |
|---|---|---|---|
"""

_UNREADABLE_INTRO = """
## Targets that cannot be read

Such a target is not judged, and the exit status is 3. The other targets are judged. These findings cannot be
ignored, with three exceptions: `--ignore content.key_alone`, `content.request` and `content.revocation_list` skip
such files.

| code | rule | fix |
|---|---|---|
"""


def _checks_page() -> str:
    judged = [each for each in EXPLANATIONS.values() if not each.is_unreadable]
    unread = [each for each in EXPLANATIONS.values() if each.is_unreadable]
    rows = [f"| `{each.code}` | {each.severities} | {each.rule} | {each.source} |\n" for each in judged]
    others = [f"| `{each.code}` | {each.rule} | {each.fix} |\n" for each in unread]
    return "".join((_CHECKS_INTRO, *rows, _UNREADABLE_INTRO, *others, _MUSTS_INTRO, *_musts()))


_MUSTS_INTRO = """
## What RFC 5280 requires of a certificate

Each MUST in sections 4.1 and 4.2 on the content of a certificate: the rule that checks it, or why none does. How five
TLS clients judge the same chains is in [decision 38](decisions/0038-two-clients-that-refuse.md).

| section | requirement | rule, or why there is none |
|---|---|---|
"""


def _musts() -> Iterator[str]:
    for must in MUSTS:
        told = ", ".join(f"`{code}`" for code in must.codes) or must.reason
        yield f"| {must.section} | {must.what} | {told} |\n"


def _commands_page() -> str:
    parts = [
        "# Commands\n\nGenerated from the program by `scripts/fix`.\n\n"
        "| exit status | meaning |\n|---|---|\n| 0 | fine |\n"
        "| 1 | the answer is no: a finding of severity error, a lock that would refuse |\n"
        "| 2 | wrong usage or settings |\n| 3 | could not be done: because of a file, the network or the database |\n"
        "| 130 | stopped by Ctrl-C, or a question was answered with no |\n"
    ]
    for name, command in commands():
        context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
        parts.append(f"\n## {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def _settings_page() -> str:
    lines = [
        "# Settings\n",
        "Generated from the program by `scripts/fix`.\n",
        "A value comes from the first of these that has one: a command-line option, the environment, the settings",
        "file, the default. Relative paths start at the folder of the settings file. If a setting is unknown, or a",
        "value cannot be used, the program does not start.\n",
        "The settings file is the first of these that is named or exists. `engage settings` says which.\n",
        "1. `--config FILE`",
        f"2. `{CONFIG_VARIABLE}`",
        f"3. `{SETTINGS_FILE}` in the current folder",
        f"4. `/etc/engage-server/engage.toml`; `{SYSTEM_CONFIG_VARIABLE}` names another one, or none if it is empty\n",
        "A table `[check]` in the same file holds the options of `engage chain check`:",
        "[ci.md](ci.md#settings-of-a-repository).\n",
        f"Secrets are not settings. The key-encryption key is in a separate file or in `{KEK_VARIABLE}`.",
        f"The release key is in another file or in `{RELEASE_KEY_VARIABLE}`. Commands that take a site key or a",
        f"passphrase find it in `{SITE_KEY_VARIABLE}` or `{PASSPHRASE_VARIABLE}`, or in the file that",
        f"`{SITE_KEY_VARIABLE}{FILE_SUFFIX}` or `{PASSPHRASE_VARIABLE}{FILE_SUFFIX}` names.\n",
        "| in engage.toml | in the environment | default | meaning |",
        "|---|---|---|---|",
    ]
    for row in table_of_settings():
        default = shown_value(row.default)
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{row.name}` | `{ENVIRONMENT_PREFIX}{row.name.upper()}` | {shown} | {row.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for file, content in pages().items():
        (DOCS / file).write_text(content)
