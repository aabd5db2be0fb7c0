"""A Pasee that is reached by https, as browsers and verifiers that know its issuer alone need it."""

import datetime
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .pasee import Pasee


def certificate(folder: Path) -> dict[str, str]:
    """The `[tls]` of a Pasee on 127.0.0.1, with a throw-away key."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = {"certificate": folder / "server.crt", "key": folder / "server.key"}
    files["certificate"].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files["key"].touch(mode=0o600)
    files["key"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {name: str(file) for name, file in files.items()}


class Https(Pasee):
    """A Pasee behind a certificate that is its own authority; browsers and libraries are told to trust it."""

    def __init__(self, folder: Path, *providers: dict[str, Any], **more: Any) -> None:
        super().__init__(folder, *providers, tls=certificate(folder), **more)
        self.url = f"https://127.0.0.1:{self.port}"
        self.words["hostname"] = self.url
        self.verify: str = self.words["tls"]["certificate"]

    def _answers(self) -> bool:
        return "serving" in self.output()
