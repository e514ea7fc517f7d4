"""What discounts add to the till."""

from till.discounts import pages, selftest
from till.features import Feature
from till.pages.page import Page
from till.pages.reasons import BAD_INPUT, Words

FEATURE = Feature(
    name="discounts",
    checks=(selftest.CHECK,),
    pages={"discount": Page(pages.show, pages.act)},
    words={
        "DISCOUNT_PERCENT": Words("ask", "A discount leaves 1 to 99 % of the price.", "Choose another one.", BAD_INPUT),
        "DISCOUNT_TOO_LARGE": Words(
            "ask", "The discount is not less than the price.", "Type a smaller one.", BAD_INPUT
        ),
        "DISCOUNT_NOTHING": Words("ask", "Nothing would be taken off.", "Choose another discount.", BAD_INPUT),
    },
    tender_link=pages.tender_link,
    receipt_lines=pages.receipt_lines,
    day_lines=pages.day_lines,
)
