import pytest

from hook0_server.model import addresses


@pytest.mark.parametrize(
    "text", ["owner@example.com", "o+tag.x@mail.example.co.uk", "root@localhost", "a" * 64 + "@example.com"]
)
def test_addresses(text: str) -> None:
    assert addresses.is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "owner", "@example.com", "owner@", "a b@example.com", "owner@example.com\n", "owner@exa\r\nmple.com", "a@b@c",
        "<owner@example.com>", "owner@example.com,x@example.com", "öwner@example.com", "owner@-example.com",
        "owner@example..com",
        "a" * 65 + "@example.com", "a@" + "b" * 253,
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert not addresses.is_address(text)
