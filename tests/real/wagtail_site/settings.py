"""As little of a Wagtail site as its API needs: one kind of page, SQLite, no cache, no mail."""

import os
from pathlib import Path

FOLDER = Path(os.environ["WAGTAIL_FOLDER"])
SECRET_KEY = os.environ["WAGTAIL_SECRET"]
ALLOWED_HOSTS = ["*"]  # the fault proxy stands before it
ROOT_URLCONF = "urls"
INSTALLED_APPS = [
    "articles",
    "wagtail.api.v2",
    "wagtail.users",
    "wagtail.images",
    "wagtail.documents",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "rest_framework",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "wagtail.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
STATIC_URL = "/static/"
WAGTAIL_SITE_NAME = "示范市"
WAGTAILADMIN_BASE_URL = "http://localhost"
WAGTAILADMIN_RICH_TEXT_EDITORS = {}
