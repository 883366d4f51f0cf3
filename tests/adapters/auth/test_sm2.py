"""SM2 and SM4 against the vectors of their standards, and the traps in what they are built on."""

from __future__ import annotations

import base64

import pytest

from adapters.auth import sm2

# GM/T 0003.5-2012, A.2: the recommended curve, user id 1234567812345678, message "message digest".
PRIVATE = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
PUBLIC = (
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
MESSAGE = b"message digest"


def test_a_signature_is_the_published_one() -> None:
    signer = sm2.Signer(PRIVATE)
    assert signer.public_key.upper() == PUBLIC
    assert signer.sign(MESSAGE, k=K) == SIGNATURE


@pytest.mark.parametrize("public", [PUBLIC, "04" + PUBLIC, base64.b64encode(bytes.fromhex("04" + PUBLIC)).decode()])
def test_the_published_signature_verifies_whichever_way_the_key_is_written(public: str) -> None:
    assert sm2.Verifier(public).verify(MESSAGE, SIGNATURE)


@pytest.mark.parametrize(
    ("message", "signature", "user_id"),
    [
        (b"message digesT", SIGNATURE, sm2.USER_ID),
        (MESSAGE, SIGNATURE[:-1] + b"\xab", sm2.USER_ID),
        (MESSAGE, SIGNATURE[:-1], sm2.USER_ID),
        (MESSAGE, bytes(64), sm2.USER_ID),
        (MESSAGE, b"\xff" * 64, sm2.USER_ID),
        (MESSAGE, b"", sm2.USER_ID),
        (MESSAGE, SIGNATURE, b"ALICE123@YAHOO.COM"),
    ],
    ids=["message", "signature", "short", "zero", "out of range", "nothing", "user id"],
)
def test_what_was_not_signed_so_does_not_verify(message: bytes, signature: bytes, user_id: bytes) -> None:
    assert not sm2.Verifier(PUBLIC, user_id).verify(message, signature)


@pytest.mark.parametrize("form", ["raw", "der"])
def test_both_forms_verify_and_no_two_signatures_are_alike(form: sm2.Form) -> None:
    signer, verifier = sm2.Signer(PRIVATE, b"weigov"), sm2.Verifier(PUBLIC, b"weigov")
    one, other = signer.sign(MESSAGE, form), signer.sign(MESSAGE, form)
    assert one != other
    assert verifier.verify(MESSAGE, one, form) and verifier.verify(MESSAGE, other, form)
    assert not verifier.verify(MESSAGE, one, "der" if form == "raw" else "raw")


def test_a_public_key_that_begins_with_04_keeps_its_first_byte() -> None:
    signer = sm2.Signer(f"{11:064x}")  # x is 04b3…: gmssl would take its head for a prefix and strip it
    assert signer.public_key.startswith("04b3")
    assert sm2.Verifier(signer.public_key).verify(MESSAGE, signer.sign(MESSAGE))


@pytest.mark.parametrize("key", ["", "00", "ff" * 32, "kein Schlüssel"])
def test_what_is_no_private_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"is no SM2 private key|neither hex nor base64"):
        sm2.Signer(key)


@pytest.mark.parametrize("key", ["", PUBLIC[:-2], PUBLIC[:-2] + "14", "03" + PUBLIC])
def test_a_point_off_the_curve_is_no_public_key(key: str) -> None:
    with pytest.raises(ValueError, match="is no SM2 public key"):
        sm2.Verifier(key)


def test_a_private_key_in_base64_may_have_a_leading_zero_byte() -> None:
    padded = base64.b64encode(b"\0" + bytes.fromhex(PRIVATE)).decode()
    assert sm2.Signer(padded).public_key.upper() == PUBLIC


def test_a_signer_does_not_show_its_key() -> None:
    assert PRIVATE.lower() not in repr(sm2.Signer(PRIVATE)).lower()


# ---- SM4

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")


def test_a_block_is_the_published_one() -> None:
    # GB/T 32907-2016, A.1: key and plain text are the same; the second block is the padding.
    assert sm2.encrypt(KEY, KEY)[:16].hex() == "681edf34d206965e86b3e94f536e4246"


def test_bodies_are_openssls() -> None:
    # printf '{"id":"7"}' | openssl enc -sm4-ecb -K 0123456789abcdeffedcba9876543210 | base64
    assert base64.b64encode(sm2.encrypt(KEY, b'{"id":"7"}')) == b"5YWBj7vbkEe4DvDLjS/wOw=="
    # … openssl enc -sm4-cbc -iv 000102030405060708090a0b0c0d0e0f | xxd -p
    assert sm2.encrypt(KEY, b'{"id":"7"}', bytes(range(16))).hex() == "9177723b97a54028dcb5a0b4ffa48038"


@pytest.mark.parametrize("iv", [None, bytes(range(16))])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
def test_a_body_of_any_length_comes_back(size: int, iv: bytes | None) -> None:
    assert sm2.decrypt(KEY, sm2.encrypt(KEY, b"x" * size, iv), iv) == b"x" * size


@pytest.mark.parametrize("secret", [b"", b"x" * 15, b"x" * 32])
def test_what_was_not_encrypted_is_a_value_error(secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        sm2.decrypt(KEY, secret)
