import pytest

from identity.roll import Entry, InvalidRoll, entry_hash, read

SECRET = "a-secret-of-the-roll"


@pytest.mark.parametrize("other", ["ADA@example.org", " ada@Example.ORG ", "ａda@example.org", "ada@example.org\n"])
def test_ways_of_writing_an_address_that_people_do_not_tell_apart_are_one_entry(other: str) -> None:
    assert entry_hash(SECRET, other) == entry_hash(SECRET, "ada@example.org")


@pytest.mark.parametrize("other", ["ada+vote@example.org", "a.da@example.org", "ada@example.com"])
def test_other_addresses_are_other_entries(other: str) -> None:
    assert entry_hash(SECRET, other) != entry_hash(SECRET, "ada@example.org")


def test_without_the_secret_an_address_cannot_be_tried() -> None:
    assert entry_hash("another-secret-of-a-roll", "ada@example.org") != entry_hash(SECRET, "ada@example.org")
    assert len(entry_hash(SECRET, "ada@example.org")) == 32


def test_a_file_is_read_with_or_without_jurisdictions() -> None:
    with_them = list(read(["email,jurisdiction\n", "ada@example.org,north\n", "\n", "bob@example.org,\n"], SECRET))
    without = list(read(["email\n", "ada@example.org\n"], SECRET))

    assert with_them == [Entry(entry_hash(SECRET, "ada@example.org"), "north"), Entry(entry_hash(SECRET, "bob@example.org"), "")]
    assert without == [Entry(entry_hash(SECRET, "ada@example.org"), "")]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ([], "1"),
        (["name,email\n"], "1"),
        (["email\n", "not an address\n"], "2"),
        (["email\n", "@example.org\n"], "2"),
        (["email,jurisdiction\n", "ada@example.org\n"], "2"),
        (["email,jurisdiction\n", "ada@example.org,north,south\n"], "2"),
        (["email,jurisdiction\n", "bob@example.org,north\n", "ada@example.org,up north\n"], "3"),
        (["email\n", '"ada@example.org\n'], "2"),
        (["email\n", "ada\0@example.org\n"], "2"),
    ],
)
def test_a_file_that_is_no_roll_is_refused_by_its_line_and_never_quoted(lines: list[str], line: str) -> None:
    with pytest.raises(InvalidRoll, match=f"line {line}") as refusal:
        list(read(lines, SECRET))

    assert "@" not in str(refusal.value)
    assert "example" not in str(refusal.value)
