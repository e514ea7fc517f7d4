"""What shifts add to the till."""

from till.features import Entry, Feature
from till.pages.page import Page
from till.pages.reasons import BAD_INPUT, Words
from till.shifts import pages, selftest

FEATURE = Feature(
    name="shifts",
    checks=(selftest.CHECK,),
    pages={pages.PAGE: Page(pages.show, pages.act)},
    words={
        "SHIFT_IS_OPEN": Words("ask", "A shift is open already.", "Count the drawer and close it first."),
        "NO_SHIFT_OPEN": Words("ask", "No shift is open.", "Open one with the float."),
        "NOTHING_COUNTED": Words("ask", "Nothing is counted yet.", "Count the cash and type the sum.", BAD_INPUT),
    },
    menu=(Entry(pages.PAGE, "drawer", lambda say: say("Shift and drawer")),),
    day_lines=pages.day_lines,
)
