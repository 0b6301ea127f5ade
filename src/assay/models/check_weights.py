"""`python -m assay.models.check_weights`: are the embedded model's weights there, and are they the pinned ones?"""

import sys

from assay.errors import BadInput
from assay.models.embedded import ADAPTER, WEIGHTS_SHA256, file_sha256, weights_path


def main() -> int:
    """0 when the weights have the pinned digest, else 2 with what to do."""
    try:
        path = weights_path()
        found = file_sha256(path)
        if found != WEIGHTS_SHA256:
            raise BadInput(
                f"the weights have another digest: {found}",
                where=str(path),
                now="delete .venv and run `make run` again",
            )
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return 2
    adapter = f", adapter {file_sha256(ADAPTER)[:12]}" if ADAPTER.is_file() else ", no adapter"
    sys.stdout.write(f"weights {found[:12]}{adapter}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
