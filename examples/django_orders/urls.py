from __future__ import annotations

from background import run
from django.urls import path

urlpatterns = [path("tasks/<str:name>", run)]
