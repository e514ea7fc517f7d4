import pytest
from hypothesis import given
from hypothesis import strategies as st

from till.errors import Refused
from till.money import share, typed_fen, written, yuan

FEN = st.integers(0, 99_999_999)


@given(FEN)
def test_what_is_typed_is_what_is_shown(fen: int) -> None:
    assert typed_fen(str(fen)) == fen
    assert int(written(fen).replace(",", "").replace(".", "")) == fen


@pytest.mark.parametrize(("fen", "text"), [(0, "¥0.00"), (5, "¥0.05"), (1_234_567, "¥12,345.67"), (-1999, "-¥19.99")])
def test_amounts_read_like_money(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        ("12.5", "AMOUNT_NOT_DIGITS"),
        ("-1", "AMOUNT_NOT_DIGITS"),
        ("１２", "AMOUNT_NOT_DIGITS"),
        ("100000000", "AMOUNT_TOO_LARGE"),
    ],
)
def test_anything_but_fen_is_refused(digits: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        typed_fen(digits)
    assert refused.value.code == code


@given(FEN, st.integers(1, 99))
def test_a_share_never_loses_a_fen(fen: int, percent: int) -> None:
    paid = share(fen, percent)
    assert 0 <= paid <= fen
    assert abs(paid * 100 - fen * percent) <= 50


def test_half_a_fen_is_rounded_up() -> None:
    assert share(999, 50) == 500
