"""Each kind of value: what it takes, and the one line that refuses the rest."""

import grp
import os
import pwd
from pathlib import Path

import pytest
from paceline.config import SETTINGS, Config, load
from paceline.errors import ConfigError
from paceline.settings import places, values

LONG = "unix:/" + "p" * 107


def read(*argv: str) -> Config:
    return load(argv, {}, Path("/"))


@pytest.mark.parametrize(
    ("flag", "text", "complaint"),
    [
        ("--workers", "two", "'two' is not a whole number; auto fits it to the CPUs"),
        ("--workers", "0", "0 is too small: at least 1"),
        ("--workers", "1025", "1025 is too large: at most 1024; auto fits it to the CPUs"),
        ("--workers", "-1", "-1 is too small: at least 1"),
        ("--workers", "1.5", "'1.5' is not a whole number"),
        ("--workers", "1_000", "'1_000' is not a whole number"),
        ("--workers", "\u0663", "'\u0663' is not a whole number"),
        ("--workers", "", "'' is not a whole number"),
        ("--workers", "9" * 5000, "is not a whole number"),
        ("--threads", "-1", "-1 is too small: at least 0"),
        ("--backlog", "0", "0 is too small: at least 1"),
        ("--limit-request-fields", "0", "0 is too small: at least 1"),
        ("--limit-request-fields", "32769", "32769 is too large: at most 32768"),
        ("--cert-reqs", "3", "3 is too large: at most 2"),
        ("--timeout", "soon", "'soon' is not a number of seconds"),
        ("--timeout", "nan", "'nan' is not a number of seconds"),
        ("--timeout", "inf", "'inf' is not a number of seconds"),
        ("--timeout", "1.2.3", "'1.2.3' is not a number of seconds"),
        ("--timeout", "30s", "'30s' is not a number of seconds"),
        ("--timeout", "9" * 400, "is not a number of seconds"),
        ("--keep-alive", "-0.5", "-0.5 is too small: at least 0 seconds"),
        ("--limit-request-line", "-1", "'-1' is not a number of bytes such as 65536 or 10M"),
        ("--limit-request-body", "10MB", "'10MB' is not a number of bytes such as 65536 or 10M"),
        ("--bind", "", "'' is not an address such as 127.0.0.1:8000 or unix:PATH"),
        ("--bind", "localhost:http", "'localhost:http': 'http' is not a port (0 to 65535)"),
        ("--bind", ":65536", "':65536': '65536' is not a port (0 to 65535)"),
        ("--bind", "localhost:", "'localhost:': '' is not a port (0 to 65535)"),
        ("--bind", "8000", "'8000' names no host; for a port alone write :8000"),
        ("--bind", "::1", "'::1': an IPv6 address goes in brackets, such as [::1]:8000"),
        ("--bind", "::1:8000", "'::1:8000': an IPv6 address goes in brackets"),
        ("--bind", "[::g]:80", "'[::g]' is not an IPv6 address"),
        ("--bind", "[1.2.3.4]:80", "'[1.2.3.4]' is not an IPv6 address"),
        ("--bind", "http://localhost", "'http://localhost': '//localhost' is not a port"),
        ("--bind", "a b:80", "'a b' is not the name or the address of a host"),
        ("--bind", "unix:", "'unix:' needs the path of a socket"),
        ("--bind", LONG, "is too long for a socket: at most 107 bytes"),
        ("--bind", "fd://stdin", "'fd://stdin' names no descriptor"),
        ("--bind", "fd://", "'fd://' names no descriptor"),
        ("--worker-class", "sync", "'sync' is not paceline's; the nearest is 'serial'"),
        ("--worker-class", "gthread", "'gthread' is not paceline's; the nearest is 'pool'"),
        ("--worker-class", "gevent", "'gevent' is not paceline's; the nearest is 'adaptive'"),
        ("--worker-class", "fast", "'fast' is not one of: serial, thread, pool, adaptive"),
        ("--log-level", "loud", "'loud' is not one of: debug, info, warning, error, critical"),
        ("--header-map", "keep", "'keep' is not one of: drop, refuse, dangerous"),
        ("--proxy-protocol", "v3", "'v3' is not one of: off, v1, v2, auto"),
        ("--forwarded-allow-ips", "10.0.0.1/8", "10.0.0.1/8 has host bits set; give addresses"),
        ("--forwarded-allow-ips", "proxy.lan", "'proxy.lan' does not appear to be an IPv4 or IPv6"),
        ("--proxy-allow-from", "*,x", "'x' does not appear to be an IPv4 or IPv6 network"),
        ("--access-logformat", "%(z)s", "there is no atom %(z)s; there are h l u t r m U q H s B"),
        ("--access-logformat", "%(h", "% stands alone at '%(h'; write %% for it"),
        ("--access-logformat", "100%", "% stands alone at '%'; write %% for it"),
        ("--access-logformat", "%(h)d", "cannot be written: "),
        ("--access-logfile", " ", "is empty"),
        ("--env", "NAME", "'NAME' is not of the form NAME=VALUE"),
        ("--env", "=x", "'=x' is not of the form NAME=VALUE"),
        ("--user", "no-such-user", "there is no user 'no-such-user' on this machine"),
        ("--group", "no-such-group", "there is no group 'no-such-group' on this machine"),
        ("--umask", "999", "'999' is not a file mode mask such as 022"),
        ("--umask", "rwx", "'rwx' is not a file mode mask such as 022"),
    ],
)
def test_a_bad_value_gets_one_line_that_begins_with_its_flag(
    flag: str, text: str, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"{flag}={text}")
    assert str(caught.value).startswith(f"{flag}: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (":8000", "0.0.0.0:8000"),
        ("localhost", "localhost:8000"),
        ("LocalHost:080", "localhost:80"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("tcp://10.0.0.1:9", "10.0.0.1:9"),
        ("[::]:8000", "[::]:8000"),
        ("[0:0::1]", "[::1]:8000"),
        ("tcp://[::1]:9", "[::1]:9"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("unix:///run/a.sock", "unix:/run/a.sock"),
        ("unix:a:b.sock", "unix:a:b.sock"),
        ("fd://0", "fd://0"),
        ("fd://17", "fd://17"),
    ],
)
def test_addresses(given: str, address: str) -> None:
    assert places.address(given) == address
    assert places.address(address) == address


@pytest.mark.parametrize(
    ("listed", "peer", "trusted"),
    [
        ("127.0.0.1,::1", "127.0.0.1", True),
        ("127.0.0.1,::1", "::1", True),
        ("127.0.0.1,::1", "127.0.0.2", False),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("127.0.0.1", "::ffff:127.0.0.2", False),
        ("10.0.0.0/8, 192.168.0.0/16", "10.200.1.1", True),
        ("10.0.0.0/8, 192.168.0.0/16", "192.168.3.4", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("*", "203.0.113.9", True),
        ("*", "not an address", True),
        ("0.0.0.0/0", "not an address", False),
        ("", "127.0.0.1", False),
        ("10.0.0.1", "", True),
    ],
)
def test_networks(listed: str, peer: str, trusted: bool) -> None:
    assert (peer in places.networks(listed)) is trusted


def test_networks_from_a_list_and_back_to_text() -> None:
    assert places.networks(["10.0.0.0/8", "::1"]) == places.networks("10.0.0.0/8,::1")
    assert str(places.networks("::1,*,10.0.0.0/8")) == "*,::1,10.0.0.0/8"


@pytest.mark.parametrize(
    ("given", "bytes_"),
    [("0", 0), ("8190", 8190), ("64K", 65536), ("10m", 10485760), ("1G", 1 << 30), (5, 5)],
)
def test_sizes(given: object, bytes_: int) -> None:
    assert values.size(given) == bytes_


@pytest.mark.parametrize(
    ("given", "mask"), [("022", 0o22), ("0o27", 0o27), ("0x1f", 31), ("18", 18), (0o77, 0o77)]
)
def test_masks(given: object, mask: int) -> None:
    assert values.bit_mask(given) == mask


def test_users_and_groups_by_name_or_number() -> None:
    me, mine = pwd.getpwuid(os.getuid()), grp.getgrgid(os.getgid())
    config = read("--user", me.pw_name, "--group", str(mine.gr_gid))
    assert (config.user, config.group) == (me.pw_uid, mine.gr_gid)
    assert read("--group", mine.gr_name).group == mine.gr_gid


@pytest.mark.parametrize("wrong", [True, 1.0, [1], b"1", object])
def test_python_values_of_another_kind(wrong: object) -> None:
    """A configuration file can hold anything; none of it may pass or end in a traceback."""
    tolerant = {"timeout", "graceful_timeout", "keepalive", "head_timeout", "body_timeout"}
    for setting in SETTINGS:
        kind = type(setting.default)
        if kind is int or setting.name in {"bind", "accesslog", "raw_env", "loglevel"}:
            with pytest.raises(ValueError, match=r"."):
                setting.parse(wrong)
        elif setting.name in tolerant and wrong != 1.0:
            with pytest.raises(ValueError, match="not a number of seconds"):
                setting.parse(wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("secure_scheme_headers", "X-FORWARDED-PROTO=https"),
        ("secure_scheme_headers", {"X-FORWARDED-PROTO": 1}),
        ("logconfig_dict", []),
        ("forwarded_allow_ips", 7),
        ("forwarder_headers", 7),
        ("pythonpath", 7),
        ("preload_app", "perhaps"),
        ("preload_app", None),
        ("on_exit", 7),
    ],
)
def test_values_that_only_a_file_can_hold(name: str, wrong: object) -> None:
    parse = next(setting.parse for setting in SETTINGS if setting.name == name)
    with pytest.raises(ValueError, match=r"is not|neither|must take"):
        parse(wrong)


def test_field_names_are_upper_case_whatever_was_written() -> None:
    assert values.text_by_name({"X-Proto": "https"}) == {"X-PROTO": "https"}
    assert read("--forwarder-headers", "script_name,Remote_User").forwarder_headers == (
        "SCRIPT_NAME",
        "REMOTE_USER",
    )


def test_every_default_is_a_value_that_its_parser_takes() -> None:
    for setting in SETTINGS:
        if setting.default is not None and setting.name not in {"chdir"}:
            shown = str(setting.default) if isinstance(setting.default, places.Networks) else None
            assert setting.parse(shown or setting.default) == setting.default, setting.name
