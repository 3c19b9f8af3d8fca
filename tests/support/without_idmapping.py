"""Run a command as on a file system or a kernel that cannot show a folder as if it were another user's.

python tests/support/without_idmapping.py COMMAND...
"""

from __future__ import annotations

import errno
import os
import sys

from assay.sandbox.inside.seccomp import Refusal, refuse


def main() -> None:
    refuse([Refusal("mount_setattr", errno.EINVAL)])
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
