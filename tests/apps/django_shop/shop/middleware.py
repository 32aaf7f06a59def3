"""A middleware of its own."""


class Counted:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Length"] = str(len(response.content))
        return response
