"""A real OpenLDAP server, with TLS by an authority of its own, people, groups within groups, and a policy of passwords."""

import datetime
import ipaddress
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .kisee import password
from .process import Process, free_port

SLAPD = os.environ.get("SLAPD", "")
SUFFIX = "dc=example,dc=com"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ACCOUNT = f"cn=pasee,{SUFFIX}"
ACCOUNT_PASSWORD = "a secret & more: 100 %"
NAMES = ["ada", "john", "locked", "expired", "reset", "odd*)(uid=*"]

SETTINGS = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.crt
TLSCertificateKeyFile {folder}/server.key
# No password in the clear.
security simple_bind=64
database mdb
suffix "{suffix}"
rootdn "cn=root,{suffix}"
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{account}" read by * none
overlay memberof
overlay ppolicy
ppolicy_default "cn=policy,{suffix}"
"""


def entry(name: str, dn: str, classes: list[str], **more: str | list[str]) -> str:
    """An entry in LDIF."""
    lines = [f"dn: {dn}", *(f"objectClass: {one}" for one in classes)]
    for key, values in ({"cn": name} | more).items():
        lines += [f"{key}: {value}" for value in ([values] if isinstance(values, str) else values)]
    return "\n".join(lines) + "\n"


def person(name: str, **more: str | list[str]) -> str:
    """Somebody with the password of everybody of that name."""
    known = {"sn": name, "uid": name, "mail": f"{name[:3]}@example.com", "userPassword": password(name)}
    return entry(name, f"uid={escaped(name)},{PEOPLE}", ["inetOrgPerson"], **(known | more))


def escaped(name: str) -> str:
    """A name as part of the name of an entry."""
    return "".join(f"\\{ord(one):02x}" if one in '*)(=\\,+"<>;#' else one for one in name)


def group(name: str, *members: str, of: tuple[str, ...] = ()) -> str:
    """A group of entries, in other groups: the overlay that says so sees only what is written to a running server."""
    more = {"member": list(members), "memberOf": [f"cn={one},{GROUPS}" for one in of]}
    return entry(name, f"cn={name},{GROUPS}", ["groupOfNames"], **more)


def entries() -> str:
    """All that the directory holds at its start."""
    ada, john = f"uid=ada,{PEOPLE}", f"uid=john,{PEOPLE}"
    long_ago = "20200101000000Z"
    return "\n".join(
        [
            f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n",
            f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n",
            f"dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups\n",
            entry(
                "pasee",
                ACCOUNT,
                ["organizationalRole", "simpleSecurityObject"],
                userPassword=ACCOUNT_PASSWORD,
            ),
            entry(
                "policy",
                f"cn=policy,{SUFFIX}",
                ["organizationalRole", "pwdPolicy"],
                pwdAttribute="userPassword",
                pwdLockout="TRUE",
                pwdMaxFailure="0",
                pwdMustChange="TRUE",
            ),
            entry(
                "old",
                f"cn=old,{SUFFIX}",
                ["organizationalRole", "pwdPolicy"],
                pwdAttribute="userPassword",
                pwdMaxAge="1",
            ),
            person(
                "ada",
                employeeType="research",
                memberOf=[f"cn=writers,{GROUPS}", f"cn=editors,{GROUPS}"],
            ),
            person("john", memberOf=f"cn=writers,{GROUPS}"),
            person("locked", pwdAccountLockedTime="000001010000Z"),
            person("expired", pwdPolicySubentry=f"cn=old,{SUFFIX}", pwdChangedTime=long_ago),
            person("reset", pwdReset="TRUE"),
            person("odd*)(uid=*"),
            group("writers", ada, john, of=("all-staff",)),
            group("editors", ada, f"cn=loop,{GROUPS}", of=("all-staff",)),
            group("all-staff", f"cn=writers,{GROUPS}", f"cn=editors,{GROUPS}", of=("loop",)),
            group("loop", f"cn=all-staff,{GROUPS}", f"cn=loop,{GROUPS}", of=("editors", "loop")),
            entry(
                "posix",
                f"cn=posix,{GROUPS}",
                ["posixGroup"],
                gidNumber="1000",
                memberUid=["john", "x"],
            ),
        ]
    )


class Directory(Process):
    """An OpenLDAP server on 127.0.0.1: in the clear with StartTLS, and with TLS from the first byte."""

    def __init__(self, folder: Path) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self.start_tls = f"ldap://127.0.0.1:{self.port}"
        self.tls = f"ldaps://127.0.0.1:{self.tls_port}"
        self.authority = folder / "ca.pem"
        self.settings = folder / "slapd.conf"
        command = [SLAPD, "-d", "0", "-f", str(self.settings), "-h", f"{self.start_tls}/ {self.tls}/"]
        super().__init__("slapd", command, folder)

    def start(self) -> "Directory":
        """Fills it, starts it and waits until it listens."""
        (self.folder / "db").mkdir(parents=True, exist_ok=True)
        if not self.authority.exists():
            certify(self.folder)
        words = {"folder": self.folder, "suffix": SUFFIX, "account": ACCOUNT}
        self.settings.write_text(SETTINGS.format(**words))
        if not (self.folder / "db" / "data.mdb").exists():
            # As the administrator's own tool, which may say what only the server says otherwise.
            command = [SLAPD, "-T", "add", "-f", str(self.settings), "-q", "-s"]
            subprocess.run(command, input=entries(), text=True, check=True, timeout=60)
        self.spawn()
        self.wait_ready(self._listens)
        return self

    def _listens(self) -> bool:
        for port in (self.port, self.tls_port):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    def provider(self, name: str = "corp", endpoint: str | None = None, **more: Any) -> dict[str, Any]:
        """The settings of it as identity provider; keys of the provider itself stand in `of`."""
        of = more.pop("of", {})
        settings = {
            "bind_dn": ACCOUNT,
            "bind_password": ACCOUNT_PASSWORD,
            "base": PEOPLE,
            "filter": "(&(objectClass=inetOrgPerson)(uid={login}))",
            "ca_file": str(self.authority),
        }
        return {
            "name": name,
            "protocol": "ldap",
            "endpoint": endpoint or self.tls,
            "claims": ["mail", "preferred_username"],
            "settings": {key: value for key, value in (settings | more).items() if value is not None},
        } | of

    def change(self, *changes: str) -> None:
        """Makes changes in LDIF, as the administrator's own tool, while the server is away."""
        self.stop()
        command = [SLAPD, "-T", "modify", "-f", str(self.settings), "-q", "-s"]
        subprocess.run(command, input="\n".join(changes), text=True, check=True, timeout=60)
        self.start()

    def id_of(self, name: str) -> str:
        """What the directory knows somebody by."""
        command = [SLAPD, "-T", "cat", "-f", str(self.settings), "-a", f"(cn={name})"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        [line] = [line for line in done.stdout.splitlines() if line.startswith("entryUUID: ")]
        return line.removeprefix("entryUUID: ")


def certify(folder: Path) -> None:
    """An authority, and a server's certificate by it."""
    now = datetime.datetime.now(datetime.UTC)

    def build(name: str, issuer: str, key: Any) -> x509.CertificateBuilder:
        names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (name, issuer)]
        return (
            x509.CertificateBuilder()
            .subject_name(names[0])
            .issuer_name(names[1])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    def write(name: str, *parts: bytes) -> None:
        file = folder / name
        file.touch(mode=0o600)
        file.write_bytes(b"".join(parts))

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    is_authority = x509.BasicConstraints(ca=True, path_length=None)
    root = build("authority", "authority", authority).add_extension(is_authority, critical=True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = build("127.0.0.1", "authority", own).add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    write("ca.pem", root.sign(authority, hashes.SHA256()).public_bytes(pem))
    write("server.crt", leaf.sign(authority, hashes.SHA256()).public_bytes(pem))
    form, no = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    write("server.key", own.private_bytes(pem, form, no))
