"""The lake in MinIO, or in anything else that speaks S3, through the ``minio`` SDK.

Uploads come from memory, so there are no temporary files; an S3 server shows an object whole or not at
all. Creation alone needs a call that the SDK keeps to itself, see ``_create``.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4
from xml.etree.ElementTree import ParseError

import certifi
import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, S3Error, ServerError
from minio.helpers import check_bucket_name
from urllib3.util import Retry, Timeout

from src.domain import ms_from_utc
from src.errors import ConfigurationError, LakeUnavailable, NotFound, ObjectExists
from src.lake.store import Bucket, ObjectStat, check_key, is_storable

_CONNECTIONS = 16
_TIMEOUT = Timeout(connect=5, read=20)
_WRITER = "x-amz-meta-writer"
_ENDPOINT = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")

# 409 is Amazon's answer to the loser of two uploads at once; the next key is right for it too.
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}
_BUCKET_IS_OURS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}

_CHECK_KEYS = (
    "check MINIO_ACCESS_KEY and MINIO_SECRET_KEY, and that they may read and write the lake's buckets"
)
_MAKE_ROOM = "make room on that server"
_ADVICE = {
    "AccessDenied": _CHECK_KEYS,
    "InvalidAccessKeyId": _CHECK_KEYS,
    "SignatureDoesNotMatch": _CHECK_KEYS,
    "XAdminUserNotFound": _CHECK_KEYS,
    "RequestTimeTooSkewed": "check the clocks of both machines",
    "XMinioStorageFull": _MAKE_ROOM,
    "QuotaExceeded": _MAKE_ROOM,
    "XMinioAdminBucketQuotaExceeded": _MAKE_ROOM,
}


class MinioStore:
    """An ObjectStore on an S3 server; *endpoint* is ``host:port``. Not to be shared across a fork."""

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket_raw: str = "crypto-raw",
        bucket_archive: str = "crypto-archive",
        *,
        secure: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._secure = secure
        self._names = {Bucket.RAW: bucket_raw, Bucket.ARCHIVE: bucket_archive}
        _check_bucket_names(self._names)
        self._client = _connect(endpoint, access_key, secret_key, secure=secure)

    def ensure_buckets(self) -> None:
        """Make both buckets where they are missing; this also tells whether the keys work."""
        for name in self._names.values():
            with self._explained(name):
                if not self._client.bucket_exists(name):
                    self._make_bucket(name)

    def missing_buckets(self) -> list[Bucket]:
        """Name the buckets that are not there."""
        missing = []
        for bucket, name in self._names.items():
            with self._explained(name):
                if not self._client.bucket_exists(name):
                    missing.append(bucket)
        return missing

    def put_new(self, bucket: Bucket, key: str, content: bytes) -> None:
        """Create an object, or raise ObjectExists. How durable it is then is the server's word."""
        check_key(key)
        name = self._names[bucket]
        writer = uuid4().hex
        with self._explained(name, key):
            try:
                self._create(name, key, content, writer)
            except S3Error as error:
                # When the answer to an upload is lost, it is sent again and finds its own object.
                if error.code not in _TAKEN or self._writer_of(name, key) != writer:
                    raise

    def get(self, bucket: Bucket, key: str) -> bytes:
        """Return the content, or raise NotFound."""
        check_key(key)
        name = self._names[bucket]
        with self._explained(name, key):
            response = self._client.get_object(name, key)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    def stat(self, bucket: Bucket, key: str) -> ObjectStat:
        """Return the size, or raise NotFound."""
        check_key(key)
        name = self._names[bucket]
        with self._explained(name, key):
            try:
                found = self._client.stat_object(name, key)
            except S3Error as error:
                # The answer to HEAD has no body to say whether the object or its bucket is missing.
                if error.code == "NoSuchKey" and not self._client.bucket_exists(name):
                    raise LakeUnavailable(self._no_bucket(name)) from error
                raise
        return _describe(key, found)

    def delete(self, bucket: Bucket, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        check_key(key)
        name = self._names[bucket]
        with self._explained(name, key):
            self._client.remove_object(name, key)

    def delete_many(self, bucket: Bucket, keys: Sequence[str]) -> None:
        """Remove objects, a thousand a request."""
        for key in keys:
            check_key(key)
        name = self._names[bucket]
        with self._explained(name):
            wanted = [DeleteObject(key) for key in keys]
            for error in self._client.remove_objects(name, wanted) if wanted else ():
                if error.code != "NoSuchKey":
                    advice = _ADVICE.get(error.code, "its log may say more")
                    what = f"did not delete {error.name}: {error.code}, {error.message}"
                    raise self._unavailable(f"{what} (bucket {name}); {advice}")

    def copy(self, source: Bucket, key: str, target: Bucket) -> None:
        """Have the server copy the object; nobody else may write this key into *target* meanwhile."""
        check_key(key)
        name = self._names[target]
        with self._explained(name, key):
            if self._is_there(name, key):
                raise ObjectExists(key)
            self._client.copy_object(name, key, CopySource(self._names[source], key))

    def tidy(self, bucket: Bucket, prefix: str) -> None:
        """Do nothing: a server has no folders."""

    def list_keys(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        """List objects in the order of their keys, a thousand a request; unfinished uploads never show."""
        name = self._names[bucket]
        with self._explained(name):
            for found in self._client.list_objects(name, prefix, recursive=True):
                if found.object_name is not None and is_storable(found.object_name):
                    yield _describe(found.object_name, found)

    def _is_there(self, name: str, key: str) -> bool:
        try:
            self._client.stat_object(name, key)
        except S3Error as error:
            if error.code == "NoSuchKey":
                return False
            raise
        return True

    def _make_bucket(self, name: str) -> None:
        try:
            self._client.make_bucket(name)
        except S3Error as error:
            # Two processes starting together both find it missing. A stranger's bucket of this name
            # fails at the first write.
            if error.code not in _BUCKET_IS_OURS:
                raise

    def _create(self, name: str, key: str, content: bytes, writer: str) -> None:
        """Upload unless the key is taken, decided by the server: ``If-None-Match: *``.

        The SDK's ``put_object`` takes no such header, so this uses the signed call beneath it, which
        the pinned version has. MinIO since 2024, Amazon and versitygw honour the header.
        """
        headers: dict[str, str | list[str] | tuple[str]] = {
            "If-None-Match": "*",
            "Content-Type": "application/json" if key.endswith(".json") else "application/octet-stream",
            _WRITER: writer,
        }
        self._client._execute("PUT", name, key, body=content, headers=headers, no_body_trace=True)  # noqa: SLF001 - see above

    def _writer_of(self, name: str, key: str) -> str | None:
        try:
            metadata = self._client.stat_object(name, key).metadata
        except S3Error as error:
            if error.code == "NoSuchKey":  # deleted meanwhile, or an upload of another still under way
                return None
            raise
        return metadata.get(_WRITER) if metadata else None

    @contextmanager
    def _explained(self, name: str, key: str = "") -> Iterator[None]:
        """Turn the SDK's errors into ours, saying what to check."""
        try:
            yield
        except S3Error as error:
            raise self._s3_problem(error, name, key) from error
        except (InvalidResponseError, ServerError, ParseError) as error:
            raise self._unavailable(
                f"did not answer as S3 does ({_first_line(error)}): check that MINIO_ENDPOINT is the S3 port "
                f"and not the console, and that MINIO_SECURE is right (now {self._secure})"
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._network_problem(error) from error

    def _s3_problem(self, error: S3Error, name: str, key: str) -> Exception:
        if error.code == "NoSuchKey":
            return NotFound(f"object {key} is not in bucket {name}")
        if error.code in _TAKEN:
            return ObjectExists(key)
        if error.code == "NoSuchBucket":
            return LakeUnavailable(self._no_bucket(name))
        advice = _ADVICE.get(error.code or "", "its log may say more")
        return self._unavailable(f"refused: {error.code}, {error.message} (bucket {name}); {advice}")

    def _network_problem(self, error: urllib3.exceptions.HTTPError) -> LakeUnavailable:
        cause = getattr(error, "reason", None) or error
        if isinstance(cause, urllib3.exceptions.SSLError):
            return self._unavailable(
                f"failed at TLS ({_first_line(cause)}): set MINIO_SECURE to false for a server without TLS, "
                "or SSL_CERT_FILE to the authority that signed its certificate"
            )
        return self._unavailable(
            f"cannot be reached ({_first_line(cause)}): check that it runs, MINIO_ENDPOINT, and MINIO_SECURE "
            f"(now {self._secure})"
        )

    def _no_bucket(self, name: str) -> str:
        return (
            f"the lake's bucket {name} is not on {self._endpoint} (any more): check MINIO_BUCKET_RAW and "
            "MINIO_BUCKET_ARCHIVE; a start makes missing buckets, but not what was in them"
        )

    def _unavailable(self, what: str) -> LakeUnavailable:
        return LakeUnavailable(f"the lake's server {self._endpoint} {what}")


def _describe(key: str, found: Object) -> ObjectStat:
    modified = found.last_modified
    return ObjectStat(key, found.size or 0, ms_from_utc(modified) if modified else 0)


def _check_bucket_names(names: dict[Bucket, str]) -> None:
    for bucket, name in names.items():
        try:
            check_bucket_name(name, strict=True)
        except ValueError as error:
            raise ConfigurationError(
                f"MINIO_BUCKET_{bucket.name} is {name!r}: {error}; accepted are 3 to 63 lower-case letters, "
                "digits, dots and dashes"
            ) from error
    if names[Bucket.RAW] == names[Bucket.ARCHIVE]:
        raise ConfigurationError("MINIO_BUCKET_RAW and MINIO_BUCKET_ARCHIVE are the same; name two buckets")


def _connect(endpoint: str, access_key: str, secret_key: str, *, secure: bool) -> Minio:
    """Build the SDK's client, which sends nothing yet."""
    try:
        if not _ENDPOINT.fullmatch(endpoint):
            raise ValueError("this is no host and port")
        pool = _connection_pool(secure=secure)
        return Minio(endpoint, access_key, secret_key, secure=secure, http_client=pool)
    except ValueError as error:
        raise ConfigurationError(
            f"MINIO_ENDPOINT is {endpoint!r}: {error}; accepted is host:port, without http:// and path"
        ) from error


def _connection_pool(*, secure: bool) -> urllib3.PoolManager:
    # Retry-After is not respected: a starting MinIO says two minutes, and a cycle must not hang that long.
    retries = Retry(
        total=2,
        backoff_factor=0.2,
        status_forcelist=[500, 502, 503, 504],
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    return urllib3.PoolManager(
        maxsize=_CONNECTIONS,
        timeout=_TIMEOUT,
        retries=retries,
        ssl_context=_tls_context() if secure else None,
    )


def _tls_context() -> ssl.SSLContext:
    """Trust what the system trusts (or SSL_CERT_FILE names), and the public authorities."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
