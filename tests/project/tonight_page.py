"""Makes ``docs/tonight.md``: its rules are read off the table of kinds."""

from engage_server.services.risk.kinds import KINDS, Kind

_HEAD = """\
# Who is at risk tonight

Generated from the program by `scripts/fix`.

```console
engage tonight
```

It says which doors may fail until the next noon at their site, why, and what to do. It reads, and changes nothing.
The API (`GET /api/v1/tonight`) and the metrics `engage_doors_at_risk` and `engage_site_risk` give the same answer. Ask
in the evening: most doors call at night.

The worst comes first. A door that is at risk for several reasons is listed once, with all of them. Of doors that are
equally bad, those at one place come together. Names and places are those of `engage device name`.

| severity | meaning | exit status of `engage tonight` |
|---|---|---|
| high | calls fail already, or are expected to fail tonight | 1 |
| medium | a call may fail or not come, or the door will need one more attempt | 1 |
| low | worth a look | 0 |

## What is found

| code | severity | of | what | when |
|---|---|---|---|---|
"""
_TAIL = """
Codes are stable: none is ever renamed.

## What it does not know

* **Doors that hold one of several anchors.** What a door holds follows from what it fetched and accepted. Only a door
  that would refuse with each anchor that it may hold is listed. `engage device list` says which ones may refuse.
* **Devices that are not on the site's list**, if it has one, and addresses that called on fewer than three nights.
* **Silence while evidence is missing.** If a host's calls are not stored yet, nobody counts as silent.
* **Silence behind a cut path.** If the links of a site say that nothing comes through, doors that fell silent since
  then are counted in one sentence. It names the cause, and what to do. Doors that refused TLS, or were silent before,
  stay listed. If the path is only degraded, all stay listed.
* **Batteries, WiFi and people.** They show only when a door is silent.
* **More than 2,000 doors of one site.** It then says that more may be at risk. Those that refuse TLS, or would, come
  first.

## When the night is

Tonight begins now and ends at the next noon in the time zone of the site. `engage site change NAME --time-zone
Europe/Berlin` sets it. Without one, it is UTC. The command prints times in UTC. The console writes those of the site.

## The next step of a rotation

It counts if it may come before noon: the rotation runs, and its soak time is over by then. A rotation that is held, or
that asks a person first, takes no step by itself. Whether the gate will allow the step is not guessed.
"""


def tonight_page() -> str:
    """The whole page."""
    return _HEAD + "".join(map(_row, KINDS)) + _TAIL


def _row(kind: Kind) -> str:
    of = "the site" if kind.of_site else "a door"
    return f"| `{kind.code}` | {kind.severity.word} | {of} | {kind.title} | {kind.when} |\n"
