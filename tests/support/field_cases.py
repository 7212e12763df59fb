"""The field cases of tests/assets/cases: where they lie, and how ``engage chain check`` judges one."""

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from tests.support.commands import engage

CASES = Path(__file__).parents[1] / "assets" / "cases"
HOST = "locks.example.org"
AT = datetime(2027, 1, 1, tzinfo=UTC)

# every folder of the table that holds a chain; of the link, the chain beside the old root
CHAINS = (
    *("country-usa", "encrypted-foreign-key", "intermediate-without-a-name", "leaf-with-pathlen", "must-staple"),
    *("name-constraints-dns", "name-constraints-ip-excluded", "name-constraints-kept"),
    *("namesake-intermediate-sent-first", "renewed-intermediate-old-one-first", "rsa-pss", "rsa-pss-no-parameters"),
    "transition-with-link/chain",
)


@dataclass(frozen=True)
class Verdict:
    """What the command made of one case.

    Attributes:
        done: The run.
        target: Of its report.
    """

    done: subprocess.CompletedProcess[str]
    target: dict[str, Any]

    @property
    def errors(self) -> set[str]:
        """The codes of its errors."""
        return self.codes("error")

    def codes(self, severity: str) -> set[str]:
        """The codes of its findings of one severity."""
        return {each["code"] for each in self.target["findings"] if each["severity"] == severity}

    def sentences(self, code: str) -> str:
        """What is said under a code."""
        return "\n".join(each["sentence"] for each in self.target["findings"] if each["code"] == code)


def verdict_of(case: str, *more: object, host: str = HOST, anchor: Path | None = None, **environment: str) -> Verdict:
    """Judge a case as its README says."""
    folder = CASES / case
    given = ("--host", host, "--at", AT.isoformat(), "--anchor", anchor or folder / "partner_CA.pem")
    done = engage(CASES, "chain", "check", folder, *given, "--format", "json", *more, stdin=None, **environment)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return Verdict(done, json.loads(done.stdout)["targets"][0])


def sent_in(case: str) -> tuple[x509.Certificate, ...]:
    """What the case's TLS server sends, in its order."""
    return tuple(x509.load_pem_x509_certificates((CASES / case / "partner_server.pem").read_bytes()))


def root_of(case: str) -> x509.Certificate:
    """The case's root."""
    return x509.load_pem_x509_certificate((CASES / case / "partner_CA.pem").read_bytes())
