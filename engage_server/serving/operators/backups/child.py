"""The process of the nightly backup. Its settings come through its standard input: they may hold a password.

It has the lowest priority. It ends when its parent ends: until then, the parent keeps the other end of that pipe open.
"""

import json
import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress

from engage_server.errors import EngageError, NotPossible
from engage_server.settings import Settings

_LOWEST_PRIORITY = 19
_HOURS = 12 * 3600.0  # a run that takes longer hangs
_LENGTH_BYTES = 8
_ACTOR = "the servers themselves"
_MOST_SHOWN = 500


def backup_in_child(settings: Settings) -> str:
    """Run the nightly work in another process, and wait for its end.

    Args:
        settings: The settings of this process.

    Returns:
        What failed, in one sentence. "" if everything is good.

    Raises:
        NotPossible: The process did not say how it ended.
    """
    content = pickle.dumps(settings)
    # -P: not a module of the current folder
    command = [sys.executable, "-P", "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        try:
            process.stdin.write(len(content).to_bytes(_LENGTH_BYTES, "big") + content)
            process.stdin.flush()
            answer, errors = _ended(process)
        except BaseException:
            process.kill()
            raise
    try:
        return str(json.loads(answer)["failure"])
    except (ValueError, KeyError, TypeError):
        shown = errors.decode("utf-8", "replace").strip()[-_MOST_SHOWN:]
        raise NotPossible(
            f"the process of the nightly backup ended with status {process.returncode}: {shown}", "Check the disk."
        ) from None


def _ended(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Wait for the end, with the child's standard input kept open: it ends when that is closed."""
    assert process.stdout is not None and process.stderr is not None  # noqa: S101  # they are pipes
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
    timer = threading.Timer(_HOURS, process.kill)
    timer.daemon = True
    reader.start()
    timer.start()
    try:
        answer = process.stdout.read()
        process.wait()
    finally:
        timer.cancel()
    reader.join()
    return answer, b"".join(errors)


def main() -> None:
    """Do the work, and print how it ended."""
    with suppress(OSError):
        os.nice(_LOWEST_PRIORITY)
    length = int.from_bytes(sys.stdin.buffer.read(_LENGTH_BYTES), "big")
    settings = pickle.loads(sys.stdin.buffer.read(length))  # noqa: S301  # from our parent, through a pipe of its own
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(json.dumps({"failure": _work(settings)}), flush=True)  # noqa: T201  # this is its answer


def _work(settings: Settings) -> str:
    from engage_server.composition.backups.night import nightly_work
    from engage_server.composition.operator_side import open_operator_side

    try:
        side = open_operator_side(settings, os.environ)
        try:
            return nightly_work(side, settings, os.environ).run(_ACTOR)
        finally:
            side.close()
    except EngageError as error:
        return error.sentence


def _end_with_parent() -> None:
    sys.stdin.buffer.read(1)  # nothing is ever written: this returns when the parent is gone
    os._exit(1)


if __name__ == "__main__":
    main()
