"""What was typed stays in the form that was sent, and in no other form of its page."""

import re
from pathlib import Path

import engage_server
from engage_server.records import DeviceLabel, Role
from tests.support.console import Console
from tests.support.world import World, serial_of

TEMPLATES = Path(engage_server.__file__).parent / "web" / "console" / "templates" / "console"
SERIAL = serial_of(1)
PATH = f"/sites/main/doors/{SERIAL}"


def test_a_reason_stays_only_in_the_form_that_was_refused(world: World, console: Console) -> None:
    """The reason for a removal is none for a new name."""
    world.sites.add_device(SERIAL, "main", world.occasion, DeviceLabel("North entrance", "Building 3"))
    page = console.person("ann", Role.ADMIN).refused(PATH, f"{PATH}/remove", confirm="wrong", reason="it is gone")
    assert page.form(f"{PATH}/remove")["reason"] == "it is gone"
    assert page.form(f"{PATH}/name") | {"version": "", "form_token": ""} == page.form(f"{PATH}/name") | {
        "version": "",
        "form_token": "",
        "name": "North entrance",
        "place": "Building 3",
        "reason": "",
    }


def test_every_form_says_where_it_begins_and_asks_no_other_for_what_was_typed() -> None:
    """A form that does not say so would show what was typed into the form before it."""
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text()
        forms = re.findall(r'<form method="post" action="([^"]*)', text)
        assert [each for each in forms if not each.startswith("{{ forms.begin(") and each != "/sign-out"] == [], path
        assert not re.search(r"visit\.(typed|is_ticked)\(", text), path
