"""What the hook `ssl_context` is given for an `ssl.SSLContext`: it takes what configuration files do to one.

What is done is noted, and becomes settings of the server's own TLS. What that cannot do is refused by its name, rather
than ignored. Only sites with such a hook load this module, and `ssl` with it.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any, Final

from longma.config.ciphers import CURVES, suites_of
from longma.config.compatible import Config
from longma.errors import OperatorError
from longma.net.tls import TLS12, TLS13, Pair, with_http

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longma.config.settings import Settings
    from longma.net.tls import File, Sources

_VERSIONS: Final = (
    (ssl.TLSVersion.TLSv1_2, TLS12),
    (ssl.TLSVersion.TLSv1_3, TLS13),
    (ssl.TLSVersion.MAXIMUM_SUPPORTED, TLS13),
)
_IGNORE_UNEXPECTED_EOF: Final = 1 << 7  # ssl.OP_IGNORE_UNEXPECTED_EOF, of OpenSSL 3 on
_LEGACY_SERVER_CONNECT: Final = 1 << 2  # ssl.OP_LEGACY_SERVER_CONNECT, of Python 3.12 on: for clients
# What these ask for is so in any case, or was about versions and ciphers that are not spoken here.
_GRANTED: Final = (
    (ssl.OP_ALL & 0xFFFFFFFF)
    | ssl.OP_NO_SSLv2
    | ssl.OP_NO_SSLv3
    | ssl.OP_NO_TLSv1
    | ssl.OP_NO_TLSv1_1
    | ssl.OP_NO_COMPRESSION
    | ssl.OP_NO_RENEGOTIATION
    | ssl.OP_CIPHER_SERVER_PREFERENCE
    | ssl.OP_SINGLE_DH_USE
    | ssl.OP_SINGLE_ECDH_USE
    | ssl.OP_ENABLE_MIDDLEBOX_COMPAT
    | _LEGACY_SERVER_CONNECT
    | _IGNORE_UNEXPECTED_EOF
)
_TRANSLATED: Final = ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3 | ssl.OP_NO_TICKET
_HINTS: Final = (
    ("sni_callback", "give several certificates by certfile, which are chosen from by name"),
    ("set_servername_callback", "give several certificates by certfile, which are chosen from by name"),
    ("set_groups", "set_ecdh_curve() chooses one"),
    ("load_default_certs", "give ca_certs"),
    ("set_default_verify_paths", "give ca_certs"),
    ("set_alpn_protocols('h2')", "name h2 in http_protocols"),
)


class RecordingContext:
    """Takes what configuration files do to an `ssl.SSLContext`.

    Args:
        sources: what the settings say.
    """

    protocol = ssl.PROTOCOL_TLS_SERVER

    def __init__(self, sources: Sources) -> None:
        object.__setattr__(self, "_sources", sources)
        object.__setattr__(self, "_options", _GRANTED)
        object.__setattr__(self, "_spoken", sources.protocols)

    def __getattr__(self, name: str) -> Any:
        raise refused(name)

    def __setattr__(self, name: str, value: object) -> None:
        if not isinstance(getattr(type(self), name, None), property):
            raise refused(name)
        object.__setattr__(self, name, value)

    @property
    def sources(self) -> Sources:
        """What the server is to do: the settings, and all that was done here.

        Raises:
            OperatorError: nothing is left to be spoken.
        """
        sources: Sources = self._sources
        least, most = sources.versions
        if self._options & ssl.OP_NO_TLSv1_2:
            least = TLS13
        if self._options & ssl.OP_NO_TLSv1_3:
            most = TLS12
        if least > most:
            raise OperatorError("ssl_context: it leaves no version of TLS")
        return sources._replace(versions=(least, most), resumes=not self._options & ssl.OP_NO_TICKET)

    def _note(self, **changes: object) -> None:
        object.__setattr__(self, "_sources", self._sources._replace(**changes))

    def load_cert_chain(
        self,
        certfile: str | os.PathLike[str],
        keyfile: str | os.PathLike[str] | None = None,
        password: str | bytes | bytearray | Callable[[], str | bytes | bytearray] | None = None,
    ) -> None:
        """Show this certificate; before those of the settings to whoever can verify both."""
        secret = password() if callable(password) else password
        secret = secret.encode() if isinstance(secret, str) else None if secret is None else bytes(secret)
        pair = Pair(os.fspath(certfile), "" if keyfile is None else os.fspath(keyfile), secret)
        self._note(pairs=(pair, *(other for other in self._sources.pairs if other[:2] != pair[:2])))

    def load_verify_locations(
        self,
        cafile: str | os.PathLike[str] | None = None,
        capath: object = None,
        cadata: str | bytes | None = None,
    ) -> None:
        """Believe these authorities in what they say of clients."""
        if capath is not None:
            raise refused("load_verify_locations(capath=…)")
        if isinstance(cadata, str):
            authorities: str | File = ("cadata", cadata.encode())
        elif cadata is not None:
            authorities = ("cadata", ssl.DER_cert_to_PEM_cert(cadata).encode())
        else:
            authorities = os.fspath(cafile or "")
        self._note(authorities=authorities)

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        return ssl.VerifyMode(self._sources.client_auth)

    @verify_mode.setter
    def verify_mode(self, mode: int) -> None:
        self._note(client_auth=int(ssl.VerifyMode(mode)))

    @property
    def minimum_version(self) -> ssl.TLSVersion:
        return _version(self._sources.versions[0])

    @minimum_version.setter
    def minimum_version(self, version: int) -> None:
        # Below 1.2 nothing is spoken, which asks for no more than was allowed.
        least = next((ours for theirs, ours in _VERSIONS if theirs == version), TLS12)
        self._note(versions=(least, self._sources.versions[1]))

    @property
    def maximum_version(self) -> ssl.TLSVersion:
        return _version(self._sources.versions[1])

    @maximum_version.setter
    def maximum_version(self, version: int) -> None:
        most = next((ours for theirs, ours in _VERSIONS if theirs == version), None)
        if most is None:
            raise OperatorError("ssl_context: maximum_version leaves no version of TLS: 1.2 and 1.3 are spoken here")
        self._note(versions=(self._sources.versions[0], most))

    @property
    def options(self) -> ssl.Options:
        return ssl.Options(self._options)

    @options.setter
    def options(self, options: int) -> None:
        # Before Python 3.12 OP_ALL is negative: its bits are 32.
        options = int(options) & 0xFFFFFFFF if options < 0 else int(options)
        unknown = options & ~int(_GRANTED | _TRANSLATED)
        if unknown:
            names = ", ".join(sorted(name for name, bit in ssl.Options.__members__.items() if bit & unknown))
            raise refused(f"options {names or unknown}")
        object.__setattr__(self, "_options", options | _GRANTED)

    @property
    def check_hostname(self) -> bool:
        return False

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        if value:
            raise refused("check_hostname = True")

    @property
    def post_handshake_auth(self) -> bool:
        return False

    @post_handshake_auth.setter
    def post_handshake_auth(self, value: bool) -> None:
        if value:
            raise refused("post_handshake_auth = True")

    def set_ciphers(self, ciphers: str) -> None:
        """Speak with these suites, as the setting `ciphers` has them."""
        try:
            self._note(suites=suites_of(ciphers))
        except ValueError as error:
            raise OperatorError(f"ssl_context: set_ciphers must {error}") from None

    def set_ecdh_curve(self, curve_name: str | bytes) -> None:
        """Exchange keys by this curve alone."""
        name = curve_name.decode() if isinstance(curve_name, bytes) else curve_name
        if name not in CURVES:
            raise OperatorError(
                f"ssl_context: set_ecdh_curve({name!r}) is not supported: there are {', '.join(CURVES)}"
            )
        self._note(curve=name)

    def get_ciphers(self) -> list[dict[str, str]]:
        """The names of the suites."""
        return [{"name": suite} for suite in self._sources.suites]

    def set_alpn_protocols(self, protocols: Sequence[str]) -> None:
        """Agree on these of the versions that `http_protocols` names, in this order, or on nothing."""
        for protocol in protocols:
            if protocol.encode() not in self._spoken:
                raise refused(f"set_alpn_protocols({protocol!r})")
        self._note(protocols=with_http(protocol.encode() for protocol in protocols))


def _version(number: int) -> ssl.TLSVersion:
    return next(theirs for theirs, ours in _VERSIONS if ours == number)


def context_of(sources: Sources) -> ssl.SSLContext:
    """Return what speaks the same by Python's means, for worker classes that serve without the engine.

    The first certificate is the only one of its kind of key: there is no choice by name.

    Raises:
        OperatorError: the files do not allow it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = map(_version, sources.versions)
    context.verify_mode = ssl.VerifyMode(sources.client_auth)
    context.set_alpn_protocols([protocol.decode() for protocol in sources.protocols])
    context.set_ciphers(":".join(suite for suite in sources.suites if not suite.startswith("TLS_")) or "ECDHE+AESGCM")
    if sources.curve:
        context.set_ecdh_curve(sources.curve)
    if not sources.resumes:
        context.options |= ssl.OP_NO_TICKET
    try:
        for pair in reversed(sources.pairs):  # a later one of a kind takes the place of an earlier one
            context.load_cert_chain(pair.certificate, pair.key or None, pair.password or b"")
        authorities = sources.authorities if sources.client_auth else None
        if isinstance(authorities, str):
            context.load_verify_locations(authorities)
        elif authorities is not None:
            context.load_verify_locations(cadata=authorities[1].decode())
    except OSError as error:
        raise OperatorError(f"certfile: {error}") from None
    return context


def refused(name: str) -> OperatorError:
    """Return what says that this cannot be done, and what can."""
    hint = next((words for known, words in _HINTS if known == name), "")
    return OperatorError(f"ssl_context: {name} is not supported{': ' + hint if hint else ''}")


def asked(settings: Settings, sources: Sources) -> Sources:
    """Return what the hook makes of what the settings say.

    Raises:
        OperatorError: it asks for what cannot be done, or fails.
    """
    if settings.ssl_context is None:
        return sources
    try:
        context = settings.ssl_context(Config(settings), lambda: RecordingContext(sources))
    except OperatorError:
        raise
    except Exception as error:
        raise OperatorError(f"ssl_context failed: {type(error).__name__}: {error}") from error
    if not isinstance(context, RecordingContext):
        kind = type(context).__qualname__
        raise OperatorError(f"ssl_context must return what default_ssl_context_factory() gives, not {kind}")
    return context.sources
