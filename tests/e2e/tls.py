"""What stands before an engine in production: a gateway that speaks TLS, wants to know who asks, and has a path of its
own. Behind it is the real engine: those from Maven Central let in everyone."""

import datetime
import json
import ssl

import trustme
from cryptography.hazmat.primitives import serialization

from faults import Proxy

EXPIRED = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


class Authority:
    """A certificate authority of a test's own; its certificate, and those it issues, are files in `folder`.

    .ca  the file to give to --ca
    """

    def __init__(self, folder):
        self._authority = trustme.CA()
        self.folder = folder
        self.folder.mkdir()
        self.ca = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca)

    def context(self, host="127.0.0.1", clients=None, expired=False, version=None):
        """The ssl.SSLContext of a server of that name. `clients`: the Authority of the client certificates that it
        demands; `version`: its newest ssl.TLSVersion."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host, not_after=EXPIRED if expired else None).configure_cert(context)
        if clients:
            clients._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        if version:
            context.maximum_version = version
        return context

    def client(self, name="client"):
        """The files of a client's certificate: (certificate, key, both in one)."""
        issued = self._authority.issue_cert(f"{name}@example.org")
        certificate, key, both = (self.folder / f"{name}-{part}.pem" for part in ("cert", "key", "both"))
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        issued.private_key_and_cert_chain_pem.write_to_path(both)
        return certificate, key, both


def locked_key(path):
    """The file of the same key under a pass phrase, beside it."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    locked = path.with_name(f"locked-{path.name}")
    encryption = serialization.BestAvailableEncryption(b"a pass phrase")
    locked.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return locked


class Gateway(Proxy):
    """A Proxy under the path `prefix`, which lets in only who shows the Authorization header `wanted` (None: everyone).

    .authorizations  the header of every request, None where it had none
    """

    def __init__(self, engine, tls=None, prefix="", wanted=None):
        self.prefix, self.wanted = prefix, wanted
        self.authorizations = []
        super().__init__(engine, tls)
        self.url += prefix

    def refusal(self, method, path, headers):
        shown = headers["Authorization"]
        self.authorizations.append(shown)
        if not path.startswith(self.prefix + "/"):
            return 404, [("Content-Type", "text/html")], b"<html>404 Not Found</html>"
        if self.wanted in (None, shown):
            return None
        what = "unable to authenticate user" if shown else "missing authentication credentials"
        # As Elasticsearch's security answers it.
        error = {"type": "security_exception", "reason": f"{what} for REST request [{path}]"}
        body = {"error": {"root_cause": [error], **error}, "status": 401}
        challenge = ("WWW-Authenticate", 'Basic realm="security" charset="UTF-8"')
        return 401, [("Content-Type", "application/json"), challenge], json.dumps(body).encode()

    def ask(self, method, path, headers, body):
        return super().ask(method, path[len(self.prefix) :], headers, body)
