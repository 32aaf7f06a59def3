"""Settings: what stands in front, and TLS where nothing does."""

# ruff: noqa: RUF009 (setting() makes a dataclass field)

from collections.abc import Mapping
from dataclasses import dataclass

from paceline.settings import places, values
from paceline.settings.declare import setting

LOOPBACK = places.networks("127.0.0.1,::1")


def upper(value: object) -> str:
    return values.text(value).upper()


class ProxyProtocol(values.OneOf):
    """The versions, and what gunicorn knew before it had versions: true for any."""

    def __call__(self, value: object) -> str:
        if isinstance(value, bool):
            return "auto" if value else "off"
        return super().__call__(value)


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """Behind a proxy"""

    forwarded_allow_ips: places.Networks = setting(
        "Proxies whose X-Forwarded-* fields are believed: addresses, CIDR networks, or *.",
        places.networks,
        LOOPBACK,
        "--forwarded-allow-ips",
        meta="LIST",
        env="FORWARDED_ALLOW_IPS",
        detail="Peers on a Unix socket are always believed. Name only proxies that set these "
        "fields themselves and never pass on a client's.",
    )
    clear_untrusted_proxy_headers: bool = setting(
        "Pass X-Forwarded-* fields of other peers on to the application.",
        values.boolean,
        True,
        "--no-clear-untrusted-proxy-headers",
        form="switch",
        const=False,
        detail="By default they are removed, with `Forwarded` and `X-Real-IP`: many applications "
        "believe such fields without checking who sent them.",
    )
    secure_scheme_headers: Mapping[str, str] = setting(
        "Fields that say that the client uses HTTPS, each with the value that means it.",
        values.text_by_name,
        {
            "X-FORWARDED-PROTOCOL": "ssl",
            "X-FORWARDED-PROTO": "https",
            "X-FORWARDED-SSL": "on",
        },
        detail="Believed only from `forwarded_allow_ips`.",
    )
    forwarder_headers: tuple[str, ...] = setting(
        "Fields with an underscore that such a proxy may set.",
        values.many(upper, separator=","),
        ("SCRIPT_NAME", "PATH_INFO"),
        "--forwarder-headers",
        meta="LIST",
    )
    header_map: str = setting(
        "What to do with other fields whose name has an underscore.",
        values.OneOf("drop", "refuse", "dangerous"),
        "drop",
        "--header-map",
        detail="`X_Name` and `X-Name` are one variable to the application, so a client could pass "
        "the first for the second. `refuse` answers 400; `dangerous` lets them through.",
    )
    proxy_protocol: str = setting(
        "Expect the PROXY protocol at the start of each connection; alone it means auto.",
        ProxyProtocol("off", "v1", "v2", "auto"),
        "off",
        "--proxy-protocol",
        form="optional",
        const="auto",
        detail="A proxy that forwards connections rather than requests (TCP mode) passes on what "
        "its clients claim: take it out of `forwarded_allow_ips`.",
    )
    proxy_allow_ips: places.Networks = setting(
        "Peers that may speak the PROXY protocol: addresses, CIDR networks, or *.",
        places.networks,
        LOOPBACK,
        "--proxy-allow-from",
        meta="LIST",
    )


@dataclass(frozen=True, kw_only=True)
class Tls:
    """TLS without a proxy"""

    certfile: str | None = setting(
        "Certificate (PEM), with the chain to its root.",
        values.text,
        None,
        "--certfile",
        meta="FILE",
    )
    keyfile: str | None = setting(
        "Private key of the certificate (PEM).", values.text, None, "--keyfile", meta="FILE"
    )
    ca_certs: str | None = setting(
        "CA certificates that clients' certificates are checked against (PEM).",
        values.text,
        None,
        "--ca-certs",
        meta="FILE",
    )
    cert_reqs: int = setting(
        "Client certificates: 0 not asked for, 1 optional, 2 required.",
        values.whole_number(most=2),
        0,
        "--cert-reqs",
        meta="0|1|2",
    )
    ciphers: str | None = setting(
        "Ciphers for TLS 1.2, in OpenSSL's notation.", values.text, None, "--ciphers", meta="LIST"
    )
