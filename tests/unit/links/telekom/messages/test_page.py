"""What docs/telekom.md writes into ``links.toml`` is read as it stands there."""

import re
from pathlib import Path

from engage_server.links.registry.links_file import read_links_file
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.notifications.link_keys import read_telekom_links
from engage_server.links.telekom.settings import read_telekom_table

PAGE = (Path(__file__).parents[5] / "docs" / "telekom.md").read_text()
BLOCKS = [block for block in re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if block[0] == "["]


def test_both_blocks_are_read(tmp_path: Path) -> None:
    called, calling = BLOCKS
    for number, block in enumerate((called, calling)):
        (tmp_path / f"{number}.toml").write_text(block)
    first, second = (read_links_file(tmp_path / f"{number}.toml", "127.0.0.1", 443) for number in range(2))
    assert [host.serves for host in first.hosts.values()] == [("telekom-ta",)]
    assert [link.site for link in read_telekom_links(first)] == ["depot"]
    keys = read_telekom_table(first.telekom, first.where.below("telekom")).of(Environment.TEST)
    assert keys.telekom_sign_certificate_file == tmp_path / "telekom" / "B_telekom.pem"
    assert read_telekom_table(second.telekom, second.where.below("telekom")).api_key_path == "Body/*/M2MApiKey"
