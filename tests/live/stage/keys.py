"""Throw-away keys, made afresh in every run."""

from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class KeyPair:
    """Both halves of a key, in PEM."""

    private: str
    public: str


def make_key(curve: ec.EllipticCurve) -> KeyPair:
    """A new key on that curve, written as `openssl ecparam -genkey` writes it."""
    key = ec.generate_private_key(curve)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(private.decode(), public.decode())


def secp256k1() -> KeyPair:
    """The kind of key that Kisee signs with (ES256K in Pasee's words)."""
    return make_key(ec.SECP256K1())


def p256() -> KeyPair:
    """The kind of key behind ES256."""
    return make_key(ec.SECP256R1())


def public_of(private: str) -> str:
    """The public half of a private key."""
    key = serialization.load_pem_private_key(private.encode(), None).public_key()
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, public).decode()
