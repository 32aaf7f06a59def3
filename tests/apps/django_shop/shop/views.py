"""A view that asks the database."""

import django
from django.db import connection
from django.http import JsonResponse


def prices(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS price UNION SELECT 2")
        found = [price for (price,) in cursor.fetchall()]
    return JsonResponse({"prices": found, "django": django.get_version()})
