"""An article as a town's site has it."""

from django.db import models
from wagtail.api import APIField
from wagtail.fields import RichTextField
from wagtail.models import Page


class ArticlePage(Page):
    """Its API shows what a site chooses; ``body`` is Wagtail's own markup there, not HTML."""

    summary = models.CharField(max_length=200, blank=True)
    body = RichTextField()
    api_fields = (APIField("summary"), APIField("body"))
