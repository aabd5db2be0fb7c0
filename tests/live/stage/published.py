"""What a Pasee publishes, as applications fetch it: by discovery from its issuer."""

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives import serialization

from .https import Https


@dataclass(frozen=True)
class Published:
    """All that an application knows of a Pasee: its issuer, whom tokens are for, and what everybody can read there."""

    issuer: str
    audience: str
    authority: str

    @classmethod
    def of(cls, pasee: Https, audience: str) -> "Published":
        """What this one publishes."""
        return cls(pasee.url, audience, pasee.verify)

    @cached_property
    def discovery(self) -> dict[str, Any]:
        """The document that its issuer leads to."""
        return self._get(f"{self.issuer}/.well-known/openid-configuration").json()

    @cached_property
    def key_set(self) -> Any:
        """The JWK Set."""
        return self._get(self.discovery["jwks_uri"]).json()

    @cached_property
    def pem(self) -> str:
        """The public key as a text."""
        return self._get(f"{self.issuer}/public-key/").json()["public_key"]

    @cached_property
    def materials(self) -> dict[str, bytes]:
        """All that somebody could take for the key of an HMAC, for it is published."""
        found = {
            "PEM": self.pem.encode(),
            "PEM without its last line end": self.pem.rstrip().encode(),
            "JWK Set": self._get(self.discovery["jwks_uri"]).content,
            "public key document": self._get(f"{self.issuer}/public-key/").content,
            "issuer": self.issuer.encode(),
            "nothing": b"",
        }
        for key in self.key_set["keys"]:
            public, kind = jwt.PyJWK(key).key, key["kty"]
            encoding, form = serialization.Encoding, serialization.PublicFormat
            found |= {
                f"{kind} DER": public.public_bytes(encoding.DER, form.SubjectPublicKeyInfo),
                f"{kind} JWK": json.dumps(key, separators=(",", ":")).encode(),
                f"{kind} kid": key["kid"].encode(),
                f"{kind} thumbprint": base64.urlsafe_b64decode(key["kid"] + "="),
                f"{kind} number": base64.urlsafe_b64decode(key.get("n", key.get("x")) + "=="),
            }
        return found

    def _get(self, url: str) -> requests.Response:
        answer = requests.get(url, verify=self.authority, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer
