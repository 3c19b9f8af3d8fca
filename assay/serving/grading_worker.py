"""Grade what students of one course submit: python -m assay.serving.grading_worker --home HOME --course NAME

Everything is imported late: the processes among which grading is spread import this module, and nothing more of it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Work until SIGTERM or Control-C. Errors of ours end as one message on stderr and status 2."""
    parser = argparse.ArgumentParser(description="Grade what students of one course submit.")
    parser.add_argument("--home", type=Path, required=True, help="the server's folder")
    parser.add_argument("--course", required=True)
    options = parser.parse_args()

    from assay.errors import AssayError
    from assay.serving.processes import begin
    from assay.serving.worker import run
    from assay.settings import load

    try:
        begin()
        settings = load(options.home, os.environ)
        run(settings, settings.course(options.course))
    except KeyboardInterrupt:
        sys.stderr.flush()
        os._exit(0)  # all is given back and closed; what is still being warmed up ends with this process
    except AssayError as error:
        print(f"assay: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
