"""As little of Django as the example needs."""

from __future__ import annotations

SECRET_KEY = "of the example"
ALLOWED_HOSTS = ["orders.test"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = ["orders"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "urls"
STATIC_URL = "static/"  # the live server asks for it
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
