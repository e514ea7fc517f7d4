"""Which pages there are; features add theirs."""

from till.pages import menu, pins, receipt_pages, refund, sale, settlement, signing
from till.pages.page import Page, Who

PAGES = {
    "": Page(menu.home, who=Who.ANYBODY),
    "setup": Page(pins.show_setup, pins.act_setup, Who.ANYBODY),
    "sign-in": Page(signing.show, signing.act, Who.ANYBODY),
    "sign-out": Page(menu.home, signing.leave),
    "menu": Page(menu.show),
    "operators": Page(pins.show_operators, pins.act_operators, Who.SUPERVISOR),
    "new-pin": Page(pins.show_new_pin, pins.act_new_pin, Who.SUPERVISOR),
    "sale": Page(sale.show, sale.act),
    "tender": Page(sale.show_tender, sale.act_tender),
    "receipt": Page(receipt_pages.show_one),
    "receipts": Page(receipt_pages.show_list),
    "refund": Page(refund.show, refund.act),
    "settle": Page(settlement.show, settlement.act),
    "totals": Page(settlement.show_totals),
}
