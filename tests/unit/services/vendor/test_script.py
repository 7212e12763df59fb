"""The sample's scripts are read as people edit them, and what cannot be read is said so."""

import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.services.vendor.script import NoticeReading, VendorScript, read_script
from engage_server.services.vendor.source_text import UNKNOWN

ROUTE = "@app.route('/swordfish/lock/certificates/current')\ndef current():\n"
URL = "http://10.44.68.128/static/Device_Certificates/partner_CA.der"
HASH = "rL9m/oSNzFA2Ufdq+X/Z0gagYeE="
TEXT = f'{{"cert_url":"{URL}","hash":"{HASH}"}}'


def read(text: str) -> VendorScript:
    found = read_script(Path("plain.py"), text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        f"{ROUTE}    return '{TEXT}'\n",
        f"{ROUTE}    return '{TEXT}', 200\n",
        f"{ROUTE}    return '{TEXT}', 200, {{'Content-Type': 'application/json'}}\n",
        f"{ROUTE}    return b'{TEXT}'\n",
        f"{ROUTE}    return jsonify(cert_url='{URL}', hash='{HASH}')\n",
        f"{ROUTE}    return flask.jsonify({{'cert_url': '{URL}', 'hash': '{HASH}'}}), 200\n",
        f"{ROUTE}    return {{'cert_url': '{URL}', 'hash': '{HASH}'}}\n",
        f"{ROUTE}    return dict(cert_url='{URL}', hash='{HASH}')\n",
        f"{ROUTE}    return Response(json.dumps({{'cert_url': '{URL}', 'hash': '{HASH}'}}), mimetype='a/b')\n",
        f"{ROUTE}    return make_response('{TEXT}', 200)\n",
        f"{ROUTE}    response = Response(response='{TEXT}')\n    return response\n",
        f"HASH: str = '{HASH}'\nURL = '{URL}'\n{ROUTE}    return jsonify(cert_url=URL, hash=HASH)\n",
        f"HOST = '10.44.68.128'\nNAME = 'partner_CA.der'\n{ROUTE}"
        f"    url = f'http://{{HOST}}/static/Device_Certificates/{{NAME}}'\n    h = '{HASH}'\n"
        '    return f\'{{"cert_url":"{url}","hash":"{h}"}}\'\n',
        f'{ROUTE}    return \'{{"cert_url":"%s","hash":"%s"}}\' % (\'{URL}\', \'{HASH}\')\n',
        f'{ROUTE}    return \'{{{{"cert_url":"{{}}","hash":"{{h}}"}}}}\'.format(\'{URL}\', h=\'{HASH}\')\n',
        f"{ROUTE}    return '{{\"cert_url\":\"' + '{URL}' + '\",\"hash\":\"' + '{HASH}' + '\"}}'\n",
        f"NOTICE = {{'cert_url': '{URL}', 'hash': '{HASH}'}}\n{ROUTE}"
        "    return jsonify(cert_url=NOTICE['cert_url'], hash=NOTICE['hash'])\n",
        f"def notice():\n    return '{TEXT}'\n{ROUTE}    return notice()\n",
        f"NOTICE = {{'cert_url': '{URL}', 'hash': '{HASH}'}}\n{ROUTE}    return jsonify(**NOTICE)\n",
        f"NOTICE = {{'cert_url': '{URL}'}}\n{ROUTE}    return jsonify({{**NOTICE, 'hash': '{HASH}'}})\n",
        f"{ROUTE}    d = {{}}\n    d['cert_url'] = '{URL}'\n    d['hash'] = '{HASH}'\n    return jsonify(d)\n",
        f"{ROUTE}    return jsonify(cert_url='{URL}', hash='{HASH}') if known() else abort(404)\n",
        f"{ROUTE}    return jsonify(cert_url='{URL}', hash=' {HASH}\\n'.strip())\n",
        f"{ROUTE}    if not known(request):\n        return 'unauthorized', 401\n    return '{TEXT}'\n",
        f"@bp.get('/swordfish/lock/certificates/current')\nasync def f():\n    return '{TEXT}'\n",
        f"{ROUTE}    def inner():\n        return 'no'\n    return '{TEXT}'\n",
        "x = " + " + ".join(["'a'"] * 5000) + f"\n{ROUTE}    return '{TEXT}'\n",
        f"def f():\n    return '{TEXT}'\napp.add_url_rule('/swordfish/lock/certificates/current', view_func=f)\n",
        f"class H(Base):\n    def do_GET(self):\n        if self.path == '/swordfish/lock/certificates/current':\n"
        f"            self.wfile.write(b'{TEXT}')\n",
        f"print 'Python 2'\n{ROUTE}    return '{TEXT}'\n",
        f'# return \'{{"cert_url":"http://old/x.der","hash":"AAAA"}}\'\n{ROUTE}    return \'{TEXT}\'\n',
    ],
)
def test_a_notice_is_read(text: str) -> None:
    script = read(text)
    assert (script.notice, script.cert_url, script.hash_text) == (NoticeReading.READ, URL, HASH)
    assert script.cert_name == "partner_CA.der"


@pytest.mark.parametrize(
    ("text", "hash_text"),
    [
        (f"{ROUTE}    print('Sending')\n    return\n'{TEXT}', 200\n", HASH),
        (f"{ROUTE}    return\n    '{TEXT}', 200\n", HASH),
        (f"{ROUTE}    return\n    return '{TEXT}'\n", HASH),
        (f"{ROUTE}    return None\n", ""),
        (f"{ROUTE}    jsonify(cert_url='{URL}', hash='{HASH}')\n", HASH),
    ],
)
def test_a_route_that_returns_none(text: str, hash_text: str) -> None:
    """As the page prints it, and its kin: Flask answers 500, so no device gets a notice, whatever stands beside it."""
    script = read(text)
    assert (script.notice, script.hash_text) == (NoticeReading.RETURNS_NOTHING, hash_text)


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (f"return jsonify(cert_url='{URL}', hash=make_hash())", URL),
        ("return jsonify(cert_url=url_for('static', filename='x.der'), hash=h)", UNKNOWN),
        (f"h = 'a'\n    h = 'b'\n    return jsonify(cert_url='{URL}', hash=h)", URL),
        ("return open('notice.json').read()", ""),
        ("return send_file('notice.json')", ""),
        ("x = y\n    y = x\n    return x", ""),
        ("x = x + x\n    return x", ""),
        (f"return jsonify(cert_url='{URL}', hash=os.environ['HASH'])", URL),
    ],
)
def test_what_only_a_run_would_show(body: str, url: str) -> None:
    script = read(f"{ROUTE}    {body}\n")
    assert (script.notice, script.cert_url) == (NoticeReading.UNREADABLE, url)
    assert not script.has_hash


def test_of_an_address_with_a_computed_host_the_file_is_known() -> None:
    script = read(f"{ROUTE}    return jsonify(cert_url=f'http://{{request.host}}/static/x.der', hash='{HASH}')\n")
    assert (script.notice, script.cert_name) == (NoticeReading.READ, "x.der")


@pytest.mark.parametrize(
    ("line", "cert", "key"),
    [
        ("context.load_cert_chain('static/a.pem', 'static/a.key')", "static/a.pem", "static/a.key"),
        ("context.load_cert_chain(certfile='a.pem', keyfile='a.key')", "a.pem", "a.key"),
        ("context.load_cert_chain('a.pem')", "a.pem", ""),
        ("app.run(ssl_context=('a.pem', 'a.key'))", "a.pem", "a.key"),
        ("BASE = 'static'\ncontext.load_cert_chain(BASE + '/a.pem', f'{BASE}/a.key')", "static/a.pem", "static/a.key"),
        ("context.load_cert_chain(Path(__file__).parent / 'a.pem')", f"{UNKNOWN}/a.pem", ""),
    ],
)
def test_what_is_loaded_for_tls(line: str, cert: str, key: str) -> None:
    script = read(f"{line}\n")
    assert (script.cert_file, script.key_file, script.notice) == (cert, key, NoticeReading.ABSENT)


def test_where_it_listens() -> None:
    assert read(f"HOST = '10.0.0.1'\n{ROUTE}    return '{TEXT}'\napp.run(host=HOST, port=80)\n").run_host == "10.0.0.1"


def test_what_is_no_script_of_the_sample() -> None:
    assert read_script(Path("x.py"), "import os\nprint(os.name)\n") is None


def test_python_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(f"{ROUTE}    return '\\d', 200\n")


@given(st.text(alphabet="(){}[]'\"=+%f.,: \nreturnd", max_size=60))
def test_nothing_breaks_it(text: str) -> None:
    read_script(Path("x.py"), ROUTE + "    " + text)


@pytest.mark.parametrize(
    ("answer", "is_json"),
    [
        (f"'{TEXT}'", True),
        (f"jsonify(cert_url='{URL}', hash='{HASH}')", True),
        (f"json.dumps({{'cert_url': '{URL}', 'hash': '{HASH}'}})", True),
        (f"str({{'cert_url': '{URL}', 'hash': '{HASH}'}})", False),
        (f"\"{{'cert_url': '{URL}', 'hash': '{HASH}'}}\"", False),
    ],
)
def test_pythons_own_text_of_an_object_is_no_json(answer: str, is_json: bool) -> None:
    script = read(f"{ROUTE}    return {answer}\n")
    assert (script.notice, script.hash_text, script.is_json) == (NoticeReading.READ, HASH, is_json)


@pytest.mark.parametrize("method", ["strip('=')", "replace('r', 'R')", "upper()"])
def test_what_is_done_to_a_hash_and_not_known_makes_it_unreadable(method: str) -> None:
    """Else the site key would be said to be another."""
    assert (
        read(f"{ROUTE}    return jsonify(cert_url='{URL}', hash='{HASH}'.{method})\n").notice
        is NoticeReading.UNREADABLE
    )
