"""Runs in the judges' environment: stages a chain and activates it with a client that was generated from our document.

The arguments are the API's address, the site and the file of the chain. The token is in ENGAGE_TOKEN. It prints what
happened as JSON.
"""

import json
import os
import sys
import uuid
from pathlib import Path

# the package that openapi-python-client made, in PYTHONPATH
from engage_client import AuthenticatedClient  # type: ignore[import-not-found]
from engage_client.api.releases import (  # type: ignore[import-not-found]
    activate_release,
    get_release,
    list_releases,
    stage_release,
)
from engage_client.models import ChainToStage, Problem, ReleaseActivation  # type: ignore[import-not-found]


def main(url: str, site: str, chain: Path) -> dict[str, object]:
    """Do it as a pipeline would, and give up at the first problem."""
    client = AuthenticatedClient(url, os.environ["ENGAGE_TOKEN"], raise_on_unexpected_status=True)
    body = ChainToStage(pem=chain.read_text(), reason="renewed by a pipeline")
    key = str(uuid.uuid4())
    staged = stage_release.sync_detailed(site, client=client, body=body, idempotency_key=key)
    if isinstance(staged.parsed, Problem):
        return {"problem": staged.parsed.code, "status": staged.parsed.status}
    again = stage_release.sync_detailed(site, client=client, body=body, idempotency_key=key)
    number = staged.parsed.release
    served = activate_release.sync(
        site,
        number,
        client=client,
        body=ReleaseActivation(reason="renewed by a pipeline"),
        if_match=staged.headers["ETag"],
    )
    return {
        "staged": number,
        "again": again.parsed.release,
        "errors": [finding.code for finding in staged.parsed.findings if finding.severity == "error"],
        "state": served.state,
        "read": get_release.sync(site, number, client=client).state,
        "newest": list_releases.sync(site, client=client, limit=1).items[0].release,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))  # noqa: T201  # a program's output
