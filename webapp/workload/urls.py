from django.urls import path

from . import views
from .inspection import inspect
from .registry import workloads

app_name = "workload"

urlpatterns = [
    path("workload/", views.index, name="index"),
    *(path(f"workload/{w.name}/", w.view, name=w.name) for w in workloads),
    path("inspect/", inspect, name="inspect"),
    path("healthz", views.healthz, name="healthz"),
]
