"""Proxies that log people in and let them through to an application behind: oauth2-proxy, and Apache with mod_auth_openidc."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from .process import Process
from .provider import secret_of

APACHE = os.environ.get("APACHE", "")
OAUTH2_PROXY = os.environ.get("OAUTH2_PROXY", "")


class Upstream(ThreadingHTTPServer):
    """An application that answers with the headers that it was sent, in lower case, and remembers who it was told was there."""

    def __init__(self) -> None:
        self.visitors: list[str | None] = []
        visitors = self.visitors

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visitors.append(self.headers.get("X-Forwarded-User"))
                said = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class OAuth2Proxy(Process):
    """oauth2-proxy with sessions of its own. What it is told beside where it listens stands in `options`."""

    def __init__(self, folder: Path, name: str, upstream: str, port: int, *options: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = [
            OAUTH2_PROXY,
            f"--cookie-secret={'0' * 32}",
            "--cookie-secure=false",
            f"--http-address=127.0.0.1:{port}",
            f"--upstream={upstream}",
            *options,
        ]
        super().__init__(f"oauth2-proxy-{name}", command, folder)

    def start(self) -> "OAuth2Proxy":
        """Starts it and waits until it answers."""
        self.spawn()
        self.wait_ready(lambda: _answers(f"{self.url}/ping"))
        return self


def usual(issuer: str, client: str, port: int) -> list[str]:
    """What an oauth2-proxy is told of an issuer as a rule, by options."""
    return [
        "--provider=oidc",
        f"--oidc-issuer-url={issuer}",
        f"--client-id={client}",
        f"--client-secret={secret_of(client)}",
        f"--redirect-url=http://127.0.0.1:{port}/oauth2/callback",
        "--email-domain=*",
        "--skip-provider-button=true",
    ]


MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc"]

SETTINGS = """\
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog /dev/stderr
User www-data
Group www-data
{modules}
OIDCSSLValidateServer On
{told}
ProxyPass /protected/callback !
ProxyPass / {upstream}/
"""


class Apache(Process):
    """Apache with Debian's mod_auth_openidc in front of an application. What it keeps of a session is in its memory."""

    def __init__(self, folder: Path, upstream: str, port: int, told: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.settings = folder / "apache.conf"
        places = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES]
        self.words = {"folder": folder, "port": port, "modules": "\n".join(places), "told": told, "upstream": upstream}
        super().__init__("apache", [APACHE, "-DFOREGROUND", "-f", str(self.settings)], folder)

    def start(self) -> "Apache":
        """Starts it and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # It gives up root's rights, and has to reach its own folder then.
        for folder in [self.folder, *self.folder.parents]:
            if folder.owner() == "root" and str(folder).startswith("/tmp/"):
                folder.chmod(0o755)
        self.settings.write_text(SETTINGS.format(**self.words))
        self.spawn()
        self.wait_ready(lambda: _answers(f"{self.url}/"))
        return self


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code < 500
    except requests.ConnectionError:
        return False
