"""What devices add to the till."""

from till.devices import pages, selftest
from till.features import Entry, Feature
from till.pages.page import Page, Who
from till.pages.reasons import BAD_INPUT, Words

FEATURE = Feature(
    name="devices",
    checks=selftest.CHECKS,
    pages={
        "devices": Page(pages.show, pages.act, Who.SUPERVISOR),
        "print": Page(pages.show_printing, pages.act_printing),
    },
    words={
        "DEVICES_UNREADABLE": Words("need", "The list of devices cannot be read.", "Attach them again."),
        "DEVICE_UNKNOWN": Words("ask", "There is no such device now.", "Choose one from the list.", BAD_INPUT),
        "PRINTER_SILENT": Words(
            "need", "The printer does not answer; the sale is recorded.", "Check cable, power and paper, then print."
        ),
    },
    menu=(Entry("devices", "plug", lambda say: say("Devices"), supervisor=True),),
    receipt_action=pages.print_button,
)
