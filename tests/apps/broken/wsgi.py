"""A project that fails to import, two calls deep."""


def configure():
    return {}["SECRET"]


SECRET = configure()


def application(environ, start_response):
    start_response("200 OK", [])
    return []
