"""Names of frames in one folder, and DAVIS's lists of sequences: made and taken apart by one rule each."""

from __future__ import annotations

import pytest

from gsanet.data.flat_names import by_sequence, flat_name, parse_flat_name
from gsanet.data.image_sets import listed_sequences


@pytest.mark.parametrize("sequence", ["bear", "bmx_bumps", "a_1", "größe", "with space"])
@pytest.mark.parametrize("number", [0, 7, 99999, 123456])
def test_what_is_made_is_taken_apart(sequence: str, number: int) -> None:
    parsed = parse_flat_name(flat_name(sequence, number))
    assert parsed is not None and (parsed.sequence, int(parsed.number)) == (sequence, number)


def test_numbers_have_five_digits_and_keep_more() -> None:
    assert flat_name("bear", 7) == flat_name("bear", "7") == "bear_00007"
    assert flat_name("bear", "0000007") == "bear_0000007"


@pytest.mark.parametrize("name", ["bear", "00007", "bear_", "bear-00007", "_7", "bear_7a"])
def test_other_names_are_none(name: str) -> None:
    assert parse_flat_name(name) is None
    assert by_sequence(["bear_00000", name]) is None


def test_names_by_sequence_keep_their_order() -> None:
    found = by_sequence(["b_2", "a_00001", "b_10", "a_00000"])
    assert found == {"b": {"2": "b_2", "10": "b_10"}, "a": {"00001": "a_00001", "00000": "a_00000"}}
    assert found is not None and list(found) == ["b", "a"]


def test_lists_of_both_years() -> None:
    assert listed_sequences(["swan", "", " duck ", "swan"]) == ["swan", "duck"]
    old = ["/JPEGImages/480p/goat/00000.jpg /Annotations/480p/goat/00000.png", "JPEGImages/480p/cow/00000.jpg x"]
    assert listed_sequences(old) == ["goat", "cow"]
