"""What a command that says no has to say, and what it must not."""

import base64
import subprocess

from tests.support.chains import SITE_KEY

KEY_TEXTS = (SITE_KEY.reveal().hex(), base64.b64encode(SITE_KEY.reveal()).decode())


def refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """A command that said no as it should: status, sentence, next step, no traceback, no secret."""
    assert done.returncode == status, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not any(text in done.stderr + done.stdout for text in KEY_TEXTS)


def error(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """A refusal of our own, with its code and next step."""
    refused(done, status, "error [", "next: ", *words)
