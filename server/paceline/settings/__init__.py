"""Every setting, declared once.

A group of settings is a frozen dataclass and each setting is one of its fields, declared with
``declare.setting``: its type, parser, default, flags, environment variable and text are there
and nowhere else.  The command line, the configuration file, ``--help``, ``--print-config`` and
the table in README.md are made from these declarations.

Names, meanings and defaults are gunicorn's wherever both servers have the setting.
"""
