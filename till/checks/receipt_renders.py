"""A receipt can be shown, in both languages, with its number and its amount."""

from till.checks import Bench, Check, CheckFailed
from till.journal import receipts
from till.money import written
from till.pages.paper import receipt_paper
from till.texts import LANGUAGES, Say

SALE_FEN = 123_456


def run(bench: Bench) -> str:
    """Sells once, renders the receipt, looks for what a customer must find on it."""
    with bench.trial() as operator:
        number = bench.sell(operator, SALE_FEN)
        receipt = receipts.load(bench.db, number)
        for language in LANGUAGES:
            paper = receipt_paper(bench.db, Say(language), receipt, bench.features)
            for expected in (number, written(SALE_FEN)):
                if expected not in paper:
                    raise CheckFailed(f"{expected} is not on the receipt ({language})")
    return f"a receipt was rendered in {len(LANGUAGES)} languages"


CHECK = Check("receipt_renders", run)
