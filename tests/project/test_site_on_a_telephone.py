"""Every page of the site, 390 pixels wide: nobody has to scroll sideways to read it."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import CHROMIUM
from tests.support.site import BUILT, CONFIGURATION, SPHINX, is_built, write_pages

pytestmark = [
    pytest.mark.long("tests/project/test_site.py, without a browser"),
    pytest.mark.skipif(not SPHINX.exists(), reason="Sphinx is not installed: scripts/docs does that"),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]

# shows each page in a frame as wide as a telephone, and writes down how wide it wants to be
_MEASURE = """<!doctype html>
<iframe id="frame" width="390" height="844" style="border:0"></iframe><pre id="found"></pre>
<script>
const pages = %s, found = {}, frame = document.getElementById("frame");
function next() {
  if (!pages.length) { document.getElementById("found").textContent = JSON.stringify(found); return; }
  const page = pages.pop();
  frame.onload = () => { found[page] = frame.contentDocument.documentElement.scrollWidth; next(); };
  frame.src = page;
}
next();
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site: what ``scripts/docs`` built, if no page has changed since, as in CI."""
    folder = tmp_path_factory.mktemp("site")
    if is_built():
        return shutil.copytree(BUILT, folder / "html")
    command = (SPHINX, "--quiet", "--conf-dir", CONFIGURATION, "--doctree-dir", folder / "doctrees")
    subprocess.run((*command, CONFIGURATION.parents[1], folder / "html"), check=True)
    return folder / "html"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(_Silent, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def widths(site: Path, address: str, pages: list[str]) -> dict[str, int]:
    """How many pixels each page takes in a frame of 390."""
    write_pages(site, {"measure.html": _MEASURE % json.dumps(pages)})
    browser = (CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=800,900")
    command = (*browser, "--virtual-time-budget=120000", "--dump-dom", f"{address}/measure.html")
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=180).stdout
    match = re.search(r'<pre id="found">(\{.*?\})</pre>', shown)
    assert match is not None, shown[-2000:]
    found: dict[str, int] = json.loads(match[1])
    return found


def test_no_page_is_wider_than_a_telephone(site: Path, address: str) -> None:
    leads_on = site / "index.html"  # to docs/index.html, at once
    pages = [str(path.relative_to(site)) for path in site.rglob("*.html") if path != leads_on]
    found = widths(site, address, pages)
    assert len(found) == len(pages) > 50
    assert {page: width for page, width in found.items() if width > 390} == {}


def test_a_page_that_is_too_wide_is_found(site: Path, address: str) -> None:
    """The negative control."""
    write_pages(site, {"wide.html": '<!doctype html><p style="width:500px">x'})
    assert widths(site, address, ["wide.html"])["wide.html"] > 390
