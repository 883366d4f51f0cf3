"""Make the database and its pages, change them as an editor does, or serve. Prints what there is as JSON.

make COUNT | edit ID TITLE | unpublish ID | delete ID | show
"""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

import django
from django.core.management import call_command


def make(count):
    call_command("makemigrations", "articles", verbosity=0)
    call_command("migrate", verbosity=0)
    from articles.models import ArticlePage
    from wagtail.models import Page

    home = Page.objects.get(depth=2)
    topics = ["政策解读 & 问答", "𠮷祥里改造 <公示>", "通知 😀", '“三审三校”"说明"']
    for n in range(1, count + 1):
        body = f'<p>正文{n}，见<a linktype="page" id="{home.id}">首页</a></p>'
        home.add_child(instance=ArticlePage(title=f"{topics[n % 4]} {n}", summary=f"摘要{n}", body=body))
    home.add_child(instance=ArticlePage(title="未发布", body="<p>草稿</p>", live=False))


def change(how, key, title=""):
    from articles.models import ArticlePage

    page = ArticlePage.objects.get(id=key)
    if how == "delete":
        page.delete()
    elif how == "unpublish":
        page.unpublish()
    else:
        page.title = title
        page.save_revision().publish()


def show():
    from articles.models import ArticlePage

    live = ArticlePage.objects.live()
    print(json.dumps({page.id: [page.title, page.summary, page.body] for page in live}))


django.setup()
command, *rest = sys.argv[1:]
if command == "make":
    make(int(rest[0]))
elif command != "show":
    change(command, *rest)

show()
