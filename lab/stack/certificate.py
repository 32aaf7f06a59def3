"""The proxy's certificate: self-signed, for this machine's own names, made at first start."""

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "*.localhost")
ADDRESSES = ("127.0.0.1", "::1")

LIFE = timedelta(days=365)  # clients refuse leaf certificates that live longer than 398 days
RENEW = timedelta(days=7)


def ensure_certificate(folder: Path) -> tuple[Path, Path]:
    """The paths of certificate and key in a folder, both made where missing or soon to expire."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not (key.exists() and is_good(certificate)):
        make(certificate, key)
    return certificate, key


def is_good(certificate: Path) -> bool:
    """Whether a certificate is there and stays valid for some days."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return False
    return found.not_valid_after_utc - RENEW > datetime.now(UTC)


def make(certificate: Path, key: Path) -> None:
    """Writes a new key, readable by its owner alone, and a certificate for it."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WSGI Lab on this machine")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in NAMES]
    names += [x509.IPAddress(ip_address(address)) for address in ADDRESSES]
    signed = (
        x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    replace(key, secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain), 0o600)
    replace(certificate, signed.public_bytes(pem), 0o644)


def replace(path: Path, content: bytes, mode: int) -> None:
    """Writes a whole file at once, so that nobody ever reads half of it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
