"""A real Keycloak with a realm of its own, and a browser that keeps its cookies.

`tests/run release` installs it and names its folder in KEYCLOAK_HOME; it keeps everything in memory.
"""

import json
import os
from pathlib import Path
from typing import Any

import requests
from requests.cookies import RequestsCookieJar

from .kisee import password
from .openid import CLIENT_SECRET, Browser
from .process import Process, free_port, wait_until
from .provider import Provider, secret_of

HOME = os.environ.get("KEYCLOAK_HOME", "")
REALM = "corp"
ADMIN = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "throw-away"}


class Keycloak(Process):
    """Knows ada of /developers/backend, who is the boss by role, alan of no group, and grace of that group and 300 more."""

    def __init__(self, folder: Path, callbacks: list[str], port: int | None = None) -> None:
        port = port or free_port()
        super().__init__(
            "keycloak",
            [
                "sh",
                f"{HOME}/bin/kc.sh",
                "start",
                "--optimized",
                "--cache=local",
                "--http-enabled=true",
                "--http-host=127.0.0.1",
                f"--http-port={port}",
                f"--hostname=http://127.0.0.1:{port}",
            ],
            folder,
        )
        self.environment = ADMIN | {"JAVA_OPTS_APPEND": "-Xmx512m"}
        self.callbacks = callbacks
        self.url = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.url}/realms/{REALM}"

    def start(self) -> "Keycloak":
        """Starts it, and makes the realm."""
        self.spawn()
        wait_until(lambda: self.exit_code() is not None or self._answers(), "Keycloak answers", 600)
        assert self.exit_code() is None, self.output()[-4000:]
        self.admin("POST", "/admin/realms", json=self._realm())
        return self

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/realms/master", timeout=5).ok
        except requests.ConnectionError:
            return False

    def _realm(self) -> dict[str, Any]:
        many = [f"a-group-with-a-rather-long-name-{number:03}" for number in range(300)]
        mappers = [
            mapper("groups", "oidc-group-membership-mapper", {"full.path": "true"}),
            mapper("roles", "oidc-usermodel-realm-role-mapper", {"multivalued": "true"}),
        ]
        return {
            "realm": REALM,
            "enabled": True,
            "sslRequired": "none",
            "groups": [{"name": "developers", "subGroups": [{"name": "backend"}]}] + [{"name": name} for name in many],
            "roles": {"realm": [{"name": "boss"}]},
            "users": [
                user("ada", groups=["/developers/backend"], realmRoles=["boss"]),
                user("alan"),
                user("grace", groups=["/developers/backend", *(f"/{name}" for name in many)]),
                user("mallory", emailVerified=False),
            ],
            "clients": [
                {
                    "clientId": "pasee",
                    "secret": CLIENT_SECRET,
                    "redirectUris": self.callbacks,
                    "protocolMappers": mappers,
                    "attributes": {"pkce.code.challenge.method": "S256"},
                },
                {
                    "clientId": "public",
                    "publicClient": True,
                    "redirectUris": self.callbacks,
                    "attributes": {"pkce.code.challenge.method": "S256"},
                },
            ],
        }

    def admin(self, method: str, path: str, **more: Any) -> Any:
        """Does something as the admin of the whole server; returns the answer's document, if it has one."""
        form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": ADMIN["KC_BOOTSTRAP_ADMIN_USERNAME"],
            "password": ADMIN["KC_BOOTSTRAP_ADMIN_PASSWORD"],
        }
        token = requests.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form, timeout=60)
        token.raise_for_status()
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        answer = requests.request(method, self.url + path, headers=headers, timeout=60, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def of_realm(self, method: str, path: str, **more: Any) -> Any:
        """The same, in the realm."""
        return self.admin(method, f"/admin/realms/{REALM}{path}", **more)

    def change_user(self, name: str, **changes: Any) -> str:
        """Changes what a user is; returns their id."""
        [found] = self.of_realm("GET", f"/users?exact=true&username={name}")
        self.of_realm("PUT", f"/users/{found['id']}", json=found | changes)
        return found["id"]

    def change_client(self, name: str, **attributes: str) -> None:
        """Changes attributes of a client."""
        [found] = self.of_realm("GET", f"/clients?clientId={name}")
        found["attributes"] |= attributes
        self.of_realm("PUT", f"/clients/{found['id']}", json=found)

    def add_key(self, kind: str, priority: int, **config: str) -> None:
        """Adds a key to sign with; the one of the highest priority signs."""
        realm = self.of_realm("GET", "")
        words = {"priority": [str(priority)], "active": ["true"], "enabled": ["true"]}
        self.of_realm(
            "POST",
            "/components",
            json={
                "name": f"{kind}-{priority}",
                "providerId": kind,
                "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": realm["id"],
                "config": words | {name: [value] for name, value in config.items()},
            },
        )


class Broker(Keycloak):
    """Knows nobody by itself: people log in at a Pasee, and whoever is in its `articles` is in /writers here.

    It has an application `app`, and two ways to Pasee that it was told wrong things of: another secret, and a redirect that Pasee
    does not list.
    """

    def __init__(self, folder: Path, port: int, back: str, pasee: Provider) -> None:
        super().__init__(folder, [back], port)
        self.pasee = pasee

    def _realm(self) -> dict[str, Any]:
        secrets = {"pasee": secret_of("keycloak"), "wrong": "another secret", "unlisted": secret_of("keycloak")}
        groups = mapper("groups", "oidc-group-membership-mapper", {"full.path": "true"})
        return {
            "realm": REALM,
            "enabled": True,
            "sslRequired": "none",
            "groups": [{"name": "writers"}],
            "identityProviders": [self._provider(alias, secret) for alias, secret in secrets.items()],
            "identityProviderMappers": [
                {
                    "name": "writers",
                    "identityProviderAlias": "pasee",
                    "identityProviderMapper": "oidc-advanced-group-idp-mapper",
                    "config": {
                        "syncMode": "FORCE",
                        "claims": json.dumps([{"key": "groups", "value": "articles"}]),
                        "are.claim.values.regex": "false",
                        "group": "/writers",
                    },
                }
            ],
            "clients": [
                {
                    "clientId": "app",
                    "publicClient": True,
                    "redirectUris": self.callbacks,
                    "protocolMappers": [groups],
                    "attributes": {"post.logout.redirect.uris": "+"},
                }
            ],
        }

    def _provider(self, alias: str, secret: str) -> dict[str, Any]:
        """As Keycloak fills it in from Pasee's discovery document, and PKCE switched on."""
        place = f"{self.pasee.url}/.well-known/openid-configuration"
        says = requests.get(place, timeout=30).json()
        return {
            "alias": alias,
            "providerId": "oidc",
            "trustEmail": True,
            "config": {
                "clientId": "keycloak",
                "clientSecret": secret,
                "clientAuthMethod": "client_secret_basic",
                "issuer": says["issuer"],
                "authorizationUrl": says["authorization_endpoint"],
                "tokenUrl": says["token_endpoint"],
                "userInfoUrl": says["userinfo_endpoint"],
                "jwksUrl": says["jwks_uri"],
                "logoutUrl": says["end_session_endpoint"],
                "validateSignature": "true",
                "useJwksUrl": "true",
                "pkceEnabled": "true",
                "pkceMethod": "S256",
                "defaultScope": "openid profile email groups",
                "syncMode": "FORCE",
            },
        }


def mapper(name: str, kind: str, more: dict[str, str]) -> dict[str, Any]:
    """A protocol mapper that puts a claim of its name into ID tokens and UserInfo."""
    places = {"id.token.claim": "true", "userinfo.token.claim": "true", "access.token.claim": "false"}
    config = places | {"claim.name": name, "jsonType.label": "String"} | more
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


def user(name: str, **more: Any) -> dict[str, Any]:
    """Somebody who has all that Keycloak asks new users for."""
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.com",
        "emailVerified": True,
        "firstName": name.title(),
        "lastName": "Example",
        "credentials": [{"type": "password", "value": password(name), "temporary": False}],
    } | more


class _SecureAnywhere(RequestsCookieJar):
    """Browsers send cookies that are `Secure` to this machine without https; Python does not."""

    def set_cookie(self, cookie: Any, *args: Any, **kwargs: Any) -> Any:
        cookie.secure = False
        return super().set_cookie(cookie, *args, **kwargs)


def browser() -> Browser:
    """A browser as people have one on this machine."""
    new = Browser()
    new.session.cookies = _SecureAnywhere()
    return new
