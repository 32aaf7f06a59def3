"""Apache with mod_wsgi in daemon mode, configured for one application.

    python -m lab.launch.mod_wsgi module:callable --bind HOST:PORT [--workers N] [--threads N]

Takes mod_wsgi-standalone, which brings an Apache along, where pip has installed it; else Debian's
apache2 with libapache2-mod-wsgi-py3, which is for Debian's Python alone.
"""

import argparse
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

DEBIAN = Path("/usr/lib/apache2/modules")

CONFIGURATION = """\
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/httpd.pid"
ServerName localhost
Listen {bind}
ErrorLog /dev/stderr
LogLevel warn
LoadModule mpm_event_module "{modules}/mod_mpm_event.so"
LoadModule authz_core_module "{modules}/mod_authz_core.so"
LoadModule wsgi_module "{wsgi}"
<IfModule !unixd_module>
    LoadModule unixd_module "{modules}/mod_unixd.so"
</IfModule>
# Longer than nginx keeps idle connections, so that it is the side that closes.
KeepAliveTimeout 75
MaxKeepAliveRequests 0
WSGISocketPrefix "{folder}/wsgi"
WSGIRestrictEmbedded On
WSGIDaemonProcess lab {processes}threads={threads} home="{here}" \\
    python-home="{home}" python-path="{path}"
WSGIProcessGroup lab
# Extensions in C, such as psycopg's, know one interpreter in a process.
WSGIApplicationGroup %{{GLOBAL}}
WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto
WSGIScriptAlias / "{folder}/application.wsgi"
<Directory "{folder}">
    Require all granted
</Directory>
"""


def find() -> tuple[str, Path, str]:
    """Apache, the folder of its modules, and mod_wsgi; exits where none is for this Python."""
    ours, apache = find_spec("mod_wsgi"), find_spec("mod_wsgi_packages")
    if ours and apache:
        [wsgi] = Path(*ours.submodule_search_locations or ()).glob("server/mod_wsgi*.so")
        httpd = Path(*apache.submodule_search_locations or ()) / "httpd"
        os.environ["LD_LIBRARY_PATH"] = str(httpd / "lib")  # of its own libraries
        return str(httpd / "bin" / "httpd"), httpd / "modules", str(wsgi)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    module = DEBIAN / f"mod_wsgi.so-{version}"
    if not module.exists():
        sys.exit(f"lab: SERVER=mod_wsgi: Debian's mod_wsgi is not for Python {version}")
    return "/usr/sbin/apache2", DEBIAN, str(module)


def main() -> None:
    """Writes the configuration and becomes Apache."""
    parser = argparse.ArgumentParser()
    parser.add_argument("application", metavar="MODULE:CALLABLE")
    parser.add_argument("--bind", required=True, metavar="HOST:PORT")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=15)
    options = parser.parse_args()
    program, modules, wsgi = find()
    if os.geteuid() == 0:
        sys.exit("lab: SERVER=mod_wsgi: Apache serves nothing as root; start it as another user")
    folder = Path(tempfile.mkdtemp(prefix="lab-mod_wsgi-"))
    module, _, name = options.application.partition(":")
    (folder / "application.wsgi").write_text(f"from {module} import {name} as application\n")
    configuration = CONFIGURATION.format(
        folder=folder,
        bind=options.bind,
        modules=modules,
        wsgi=wsgi,
        # To say one is not the same: then the application is told that there may be others.
        processes=f"processes={options.workers} " if options.workers > 1 else "",
        threads=options.threads,
        here=os.getcwd(),
        home=sys.prefix,
        path=os.environ.get("PYTHONPATH", ""),
    )
    (folder / "httpd.conf").write_text(configuration)
    os.execv(program, [program, "-f", str(folder / "httpd.conf"), "-D", "FOREGROUND"])


if __name__ == "__main__":
    main()
