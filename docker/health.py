"""Whether the Hub answers, for the HEALTHCHECK of its image: exit status 0 or 1."""

import os
import sys
from pathlib import Path
from urllib.request import urlopen

from assay.hub import tls
from assay.hub.addresses import public_url
from assay.settings import load

try:
    address = f"{public_url(load(Path(os.environ['ASSAY_HOME']), os.environ))}/hub/health"
    urlopen(address, timeout=10, context=tls.unverified()).close()
except Exception as error:
    sys.exit(f"The Hub does not answer: {error}")
