"""What other people's pipelines include from this repository, run as they run it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.commands import engage
from tests.support.containers import KEY

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
_INSTALLS = pytest.mark.campaign("the same steps run in this environment")


def program(name: str) -> str:
    """A program of this environment."""
    return str(Path(sys.executable).parent / name)


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run and wait; standard error goes where standard output goes."""
    return subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,  # patience: it installs
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Somebody's repository with our example chains in it."""
    folder = tmp_path / "checkout"
    shutil.copytree(EXAMPLES / "good", folder / "certs" / "good")
    shutil.copy(EXAMPLES / "bad.pem", folder / "bad.pem")
    return folder


@pytest.mark.parametrize(
    ("schema", "file"), [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "deploy/ci/gitlab.yml")]
)
def test_the_published_schemas_accept_them(schema: str, file: str, tmp_path: Path) -> None:
    check = (program("check-jsonschema"), "--builtin-schema", schema)
    done = run(*check, ROOT / file, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "broken.yml"
    broken.write_text(
        (ROOT / file).read_text().replace("using: composite", "using: magic").replace("script:", "skript:")
    )
    assert run(*check, broken, cwd=tmp_path).returncode == 1


def _resolved(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values[found[1]], text)


def _action(checkout: Path, temporary: Path, inputs: dict[str, str], *, first: int = 0) -> list[Any]:
    """Run the steps of action.yml from the given one on, with its expressions filled in as the runner does."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    values = {"github.action_path": str(ROOT), "runner.temp": str(temporary)}
    for name, declared in action["inputs"].items():
        values[f"inputs.{name}"] = inputs.get(name, declared.get("default"))
    finished = []
    for step in action["runs"]["steps"][first:]:
        assert "${{" not in step["run"], "an input in a script is an open door: hand it over in the environment"
        environment = {name: _resolved(text, values) for name, text in step["env"].items()}
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
        finished.append(run(*shell, cwd=checkout, **environment))
    return finished


@pytest.fixture(params=["installed here", pytest.param("as they install", marks=_INSTALLS)])
def installs(request: pytest.FixtureRequest) -> bool:
    """Whether the pipeline's own step installs; else this environment stands where it would have put its own."""
    return bool(request.param == "as they install")


def stand_in(environment: Path) -> None:
    """This environment, where a pipeline expects the one that it has made."""
    environment.symlink_to(sys.prefix)


def assert_light(environment: Path, checkout: Path) -> None:
    """It has what a check needs, and no more; a command of the other half says so."""
    assert list(environment.rglob("click")) != []
    assert list(environment.rglob("sqlalchemy")) == []
    other_half = run(environment / "bin" / "engage", "site", "list", cwd=checkout)
    assert other_half.returncode == 3
    assert other_half.stdout.startswith("error [not_installed]: this command needs sqlalchemy, which is not installed")


def test_the_github_action(checkout: Path, tmp_path: Path, installs: bool) -> None:
    good = {"targets": "certs/good\n", "hosts": "locks.example.org\n10.44.68.128\n", "sarif-file": "chains.sarif"}
    if not installs:
        stand_in(tmp_path / "engage-server")
    *installed, checked = _action(checkout, tmp_path, good, first=0 if installs else 1)
    assert [each.returncode for each in installed] == [0] * installs, installed
    assert checked.returncode == 0, checked.stdout
    if installs:
        assert_light(tmp_path / "engage-server", checkout)
    assert checked.stdout.splitlines()[-1] == "1 chain: 0 errors, 0 warnings, 0 notes"
    assert (checkout / "chains.sarif").exists()
    (checked,) = _action(checkout, tmp_path, {**good, "targets": "certs/good\nbad.pem\n"}, first=1)
    assert checked.returncode == 1
    assert "::error file=bad.pem,line=1,title=san.missing::" in checked.stdout
    assert '"ruleId": "san.missing"' in (checkout / "chains.sarif").read_text()
    (checked,) = _action(checkout, tmp_path, {**good, "targets": "$(touch owned)\n--help; touch owned\n"}, first=1)
    assert checked.returncode in (2, 3)
    assert not (checkout / "owned").exists()
    (checked,) = _action(checkout, tmp_path, {**good, "strict": "true", "warn-days": "3000"}, first=1)
    assert checked.returncode == 1
    assert "::warning file=certs/good/partner_server.pem" in checked.stdout
    (checked,) = _action(checkout, tmp_path, {**good, "sarif-file": "nowhere/chains.sarif"}, first=1)
    assert checked.returncode == 3, "a report that could not be written is no success"
    quiet = {**good, "strict": "true", "warn-days": "3000", "ignore": "validity.ends_soon\n\nsan\n"}
    (checked,) = _action(checkout, tmp_path, quiet, first=1)
    assert checked.returncode == 0, checked.stdout


def test_the_action_refuses_a_gate_that_is_open_by_mistake(checkout: Path, tmp_path: Path) -> None:
    stand_in(tmp_path / "engage-server")
    inputs = {"targets": "certs", "hosts": "locks.example.org", "warn-days": "3000"}
    for strict, status in (("True", 2), ("yes", 2), ("true", 1), ("false", 0)):
        (checked,) = _action(checkout, tmp_path, {**inputs, "strict": strict}, first=1)
        assert checked.returncode == status, checked.stdout
        assert ("write true or false" in checked.stdout) is (status == 2)


def test_the_action_takes_an_anchor_and_a_selection(checkout: Path, tmp_path: Path) -> None:
    stand_in(tmp_path / "engage-server")
    inputs = {"targets": "certs", "hosts": "locks.example.org"}
    (checkout / "certs" / "good" / "partner_CA.pem").rename(checkout / "root.pem")
    for more, status in (({}, 1), ({"anchor": "root.pem"}, 0), ({"select": "validity\nsan\n"}, 0)):
        (checked,) = _action(checkout, tmp_path, {**inputs, **more}, first=1)
        assert checked.returncode == status, checked.stdout


def test_the_gitlab_job(checkout: Path, installs: bool) -> None:
    job = yaml.safe_load((ROOT / "deploy" / "ci" / "gitlab.yml").read_text())["engage-chain-check"]
    variables = {**job["variables"], "ENGAGE_SERVER": str(ROOT), "ENGAGE_OPTIONS": "--host locks.example.org"}
    install = "\n".join(job["before_script"])
    if installs:
        done = run("bash", "-eo", "pipefail", "-c", install, cwd=checkout, **variables)
        assert done.returncode == 0, done.stdout
    else:
        stand_in(checkout / ".engage-server")
    report = checkout / job["artifacts"]["reports"]["junit"]
    for targets, status, failures in (("certs", 0, 0), ("certs bad.pem", 1, 3)):
        script = "\n".join(job["script"])
        done = run("bash", "-eo", "pipefail", "-c", script, cwd=checkout, **{**variables, "ENGAGE_TARGETS": targets})
        assert done.returncode == status, done.stdout
        assert report.read_text().count("<failure ") == failures
        assert f": {failures} errors, " in done.stdout, "the log says what is wrong, without the report"
        assert ("[san.missing] locks.example.org" in done.stdout) is (failures > 0)
    script = "\n".join(job["script"])
    done = run("bash", "-eo", "pipefail", "-c", script, cwd=checkout, **{**variables, "ENGAGE_TARGETS": "nowhere"})
    assert done.returncode == 3, done.stdout
    assert "nowhere" in done.stdout


def test_the_page_installs_a_check_and_checks_what_a_checkout_has() -> None:
    """What a newcomer pastes first. That it installs is what the pipelines' tests show."""
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^check/bin/engage (.*)$", page, re.MULTILINE)
    done = engage(ROOT, *command.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 chain for any devices" in done.stdout
    called = re.findall(r"^ +entry: (\S+)", page, re.MULTILINE)
    assert [name.startswith("/") for name in called] == [True], "a hook runs in the user's own repository"


@pytest.mark.parametrize("server", ["", "engage-server", "engage_server==0.1", "engage-server[x]"])
def test_the_gitlab_job_installs_nothing_by_a_bare_name(checkout: Path, server: str) -> None:
    """The name is nobody's in the public package index: whoever took it would run in the pipeline."""
    job = yaml.safe_load((ROOT / "deploy" / "ci" / "gitlab.yml").read_text())["engage-chain-check"]
    assert "ENGAGE_SERVER" not in job["variables"]
    given = {"ENGAGE_SERVER": server} if server else {}
    install = "\n".join(job["before_script"])
    done = run("bash", "-eo", "pipefail", "-c", install, cwd=checkout, **job["variables"], **given)
    assert done.returncode == 2, done.stdout
    assert "ENGAGE_SERVER: git+https://HOST/" in done.stdout
    assert not (checkout / ".engage-server").exists()


@pytest.mark.parametrize("named", ["v1", ""])
def test_the_gitlab_job_takes_the_commit_that_is_named(checkout: Path, tmp_path: Path, named: str) -> None:
    """Of a real repository; what is installed from it is the other test's."""
    source = tmp_path / "engage-server.git"
    git = ("git", "-C", source, "-c", "user.name=n", "-c", "user.email=n@example.org")
    run("git", "init", "-q", source, cwd=tmp_path)
    for number in ("1", "2"):
        run(*git, "commit", "-q", "--allow-empty", "-m", number, cwd=tmp_path)
        run(*git, "tag", f"v{number}", cwd=tmp_path)
    job = yaml.safe_load((ROOT / "deploy" / "ci" / "gitlab.yml").read_text())["engage-chain-check"]
    fetch = "\n".join(job["before_script"]).partition("python3 -m venv")[0] + 'git -C "$source" log -1 --format=%s'
    url = f"git+file://{source}" + (f"@{named}" if named else "")
    done = run("bash", "-eo", "pipefail", "-c", fetch, cwd=checkout, ENGAGE_SERVER=url)
    assert done.stdout.strip().endswith("1" if named else "2"), done.stdout
    lost = run("bash", "-eo", "pipefail", "-c", fetch, cwd=checkout, ENGAGE_SERVER=f"git+file://{source}@nowhere")
    assert lost.returncode != 0


@pytest.mark.long("the manifest is validated, and what the hooks call is the checks' own")
def test_the_pre_commit_hooks(checkout: Path, tmp_path: Path, installs: bool) -> None:
    """A repository names this one, which pre-commit clones and installs; each hook runs on one file."""
    git = ("git", "-c", "user.name=n", "-c", "user.email=n@example.org")
    (checkout / "key.pem").write_bytes(KEY)
    hooks = "engage-chain-check", "engage-chain-check-files"
    ours = installed_from(tmp_path / "ours", hooks) if installs else as_if_installed()
    (checkout / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [ours]}))
    run("git", "init", "-q", cwd=checkout)
    run("git", "add", "-A", cwd=checkout)
    run(*git, "commit", "-qm", "certificates", cwd=checkout)
    for hook, file, status in (
        (hooks[0], "certs/good/partner_CA.pem", 0),
        (hooks[1], "bad.pem", 1),
        (hooks[1], "key.pem", 0),
    ):
        done = run(
            *(program("pre-commit"), "run", hook, "--verbose", "--files", file),
            cwd=checkout,
            PRE_COMMIT_HOME=str(tmp_path / "home"),  # where it is installed once
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        )
        assert done.returncode == status, done.stdout
        assert ("fine: nothing found" in done.stdout) is (hook == hooks[0])
        assert ("skipped: " in done.stdout) is (file == "key.pem")
        assert ("[san.missing]" in done.stdout) is (status == 1)


def installed_from(folder: Path, hooks: tuple[str, ...]) -> dict[str, Any]:
    """What a user writes: this repository, at a tag."""
    return {"repo": str(as_it_stands(folder)), "rev": "tried", "hooks": [{"id": hook} for hook in hooks]}


def as_if_installed() -> dict[str, Any]:
    """The hooks of the manifest, with this environment in the place of the one that pre-commit makes."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["language"] for hook in hooks} == {"python"}
    return {"repo": "local", "hooks": [{**hook, "language": "system"} for hook in hooks]}


def as_it_stands(folder: Path) -> Path:
    """A clone of this repository with what is changed here, under the name that a user would pin."""
    git = ("git", "-C", folder, "-c", "user.name=n", "-c", "user.email=n@example.org")
    changed = folder.with_suffix(".patch")
    run("git", "clone", "-q", "--no-checkout", ROOT, folder, cwd=ROOT)
    run("git", "diff", "--binary", f"--output={changed}", "HEAD", cwd=ROOT)
    run(*git, "checkout", "-q", "--detach", cwd=ROOT)
    if changed.stat().st_size:
        done = run(*git, "apply", "--index", changed, cwd=ROOT)
        assert done.returncode == 0, done.stdout
    run(*git, "commit", "-q", "--allow-empty", "-m", "as it stands", cwd=ROOT)
    run(*git, "tag", "tried", cwd=ROOT)
    return folder


def test_the_hook_for_folders_sees_a_certificate_that_is_removed() -> None:
    """pre-commit passes no removed file to a hook, and calls none that waits for such a file's name."""
    folders, files = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (folders["always_run"], folders.get("files"), folders["pass_filenames"]) == (True, None, False)
    assert "files" in files, "the control: this one checks what it is given"
    shown = (ROOT / "docs" / "ci.md").read_text().partition("- repo: local\n")[2]
    assert "always_run: true" in shown.partition("```")[0]


def test_the_hooks_are_a_valid_manifest() -> None:
    done = run(program("pre-commit"), "validate-manifest", ROOT / ".pre-commit-hooks.yaml", cwd=ROOT)
    assert done.returncode == 0, done.stdout
