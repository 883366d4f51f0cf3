"""Materials and the pictures of articles."""

import pytest

from tests.sandbox.conftest import Api, png

ADD = "/cgi-bin/material/add_material"
UPLOADIMG = "/cgi-bin/media/uploadimg"


def test_an_uploaded_picture_is_served_where_the_phone_looks_for_it(api: Api) -> None:
    url = api.upload(UPLOADIMG, png())["url"]
    assert url.startswith("http://mmbiz.qpic.cn/mmbiz_png/")
    picture = api.client.get("/mmbiz" + url.removeprefix("http://mmbiz.qpic.cn"))
    assert (picture.content, picture.headers["content-type"]) == (png(), "image/png")


@pytest.mark.parametrize(
    ("content", "filename", "errcode"),
    [
        (b"GIF89a....", "a.gif", 40005),
        (b"%PDF-1.7", "a.png", 40005),
        (png(), "a.jpg", 40005),
        (png(), "noextension", 40005),
        (b"", "a.png", 44001),
        (png(padding=1024 * 1024), "a.png", 40009),
    ],
)
def test_uploadimg_takes_png_and_jpeg_up_to_one_megabyte(
    api: Api, content: bytes, filename: str, errcode: int
) -> None:
    assert api.upload(UPLOADIMG, content, filename)["errcode"] == errcode


def test_a_material_is_listed_read_counted_and_removed(api: Api) -> None:
    added = api.upload(ADD, png(), "cover.png", type="image")
    assert set(added) == {"media_id", "url", "item"}
    listed = api.post("/cgi-bin/material/batchget_material", {"type": "image", "offset": 0, "count": 20})
    assert (listed["total_count"], listed["item"][0]["media_id"]) == (1, added["media_id"])
    assert listed["item"][0]["name"] == "cover.png"
    assert api.get("/cgi-bin/material/get_materialcount")["image_count"] == 1
    query = {"access_token": api.token}
    read = api.client.post("/cgi-bin/material/get_material", params=query, json={"media_id": added["media_id"]})
    assert read.content == png()
    assert api.post("/cgi-bin/material/del_material", {"media_id": added["media_id"]})["errcode"] == 0
    assert api.post("/cgi-bin/material/del_material", {"media_id": added["media_id"]})["errcode"] == 40007


def test_a_material_a_menu_uses_is_not_deleted(api: Api) -> None:
    media_id = api.cover()
    button = {"type": "media_id", "name": "图片", "media_id": media_id}
    assert api.post("/cgi-bin/menu/create", {"button": [button]})["errcode"] == 0
    assert api.post("/cgi-bin/material/del_material", {"media_id": media_id})["errcode"] == 48005


@pytest.mark.parametrize(("kind", "errcode"), [("", 40004), ("news", 40004), ("thumb", 40005)])
def test_a_material_of_the_wrong_type_is_refused(api: Api, kind: str, errcode: int) -> None:
    assert api.upload(ADD, png(), type=kind)["errcode"] == errcode


def test_an_upload_without_a_media_part_is_refused(api: Api) -> None:
    query = {"access_token": api.token, "type": "image"}
    answer = api.client.post(ADD, params=query, files={"file": ("a.png", png())})
    assert answer.json()["errcode"] == 41005
