"""Contents in an object store that speaks S3: s3://BUCKET/PREFIX/ab/<sha256>.

An object appears as a whole or not at all, and is kept when the store has said so. The request is signed together
with the digest of what is sent, so a store that checks signatures takes nothing that was damaged on the way. Whose keys
and which server: the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL and AWS_REGION.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from assay.errors import ExchangeError
from assay.exchange.blobs_staged import Staged, not_stored

_BLOCK = 2**20
# Bounded, because a submission waits meanwhile; long enough for a store that is started again.
_CLIENT: Any = {"allow_http": True, "connect_timeout": "5s", "timeout": "120s"}
_BACKOFF: Any = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5), "base": 2}
_AGAIN: Any = {"max_retries": 20, "retry_timeout": timedelta(seconds=30), "backoff": _BACKOFF}
log = logging.getLogger("assay.exchange")


@dataclass(frozen=True)
class Bucket:
    """A store, as `blobs.Store`."""

    address: str
    client: Any  # obstore's

    def keep(self, staged: Iterable[Staged]) -> None:
        """Send contents under their lasting names. Raises ExchangeError; then some may be kept and others not."""
        import obstore

        for one in staged:
            try:
                # In one request: parts of a crashed one would stay in the store, and be paid for.
                obstore.put(self.client, _key(one.sha256), one.place, use_multipart=False)
            except (OSError, obstore.exceptions.BaseError) as error:
                log.error("%s does not take a file: %s", self.address, _short(error))
                raise not_stored(OSError(0, "the object store does not take them")) from error
            one.place.unlink(missing_ok=True)

    def blocks(self, sha256: str) -> Iterator[bytes]:
        """What lies under a name, whatever it is by now. Raises ExchangeError where nothing can be read."""
        import obstore

        try:
            for block in obstore.get(self.client, _key(sha256)).stream(min_chunk_size=_BLOCK):
                yield bytes(block)
        except (OSError, obstore.exceptions.BaseError) as error:
            raise ExchangeError(
                f"The file {sha256} cannot be read ({_short(error)}). Try again, or restore it from a backup."
            ) from error


def open_bucket(address: str) -> Bucket:
    """The store behind s3://BUCKET/PREFIX. Raises ExchangeError where it is not there, or does not let us in."""
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise ExchangeError(f"blob_store is {address!r}, which is no address. Write one like s3://bucket/prefix.")
    try:
        import obstore
        from obstore.store import S3Store
    except ImportError as error:
        raise ExchangeError(f"blob_store needs a library ({error}). Install it: pip install 'assay[s3]'") from error
    try:
        prefix = parts.path.strip("/") or None
        client = S3Store(parts.netloc, prefix=prefix, client_options=_CLIENT, retry_config=_AGAIN)
        next(iter(obstore.list(client, chunk_size=1)), None)
    except (OSError, ValueError, obstore.exceptions.BaseError) as error:
        raise ExchangeError(
            f"{address} cannot hold submissions ({_short(error)}). Make the bucket, and check the variables AWS_*."
        ) from error
    return Bucket(address, client)


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _short(error: Exception) -> str:
    """Without pages of how the library is built."""
    return str(error).partition("\n")[0][:300]
