"""What this version of the till consists of. Written by stage.py from versions.toml, never by hand."""

from till.devices.feature import FEATURE as DEVICES
from till.discounts.feature import FEATURE as DISCOUNTS
from till.features import Feature
from till.journal.migrations import Step, m0001, m0002, m0003
from till.shifts.feature import FEATURE as SHIFTS

VERSION = "1.2.0"
SCHEMA = 3
READABLE = (1, 3)
MIGRATIONS: tuple[Step, ...] = (m0001.STEP, m0002.STEP, m0003.STEP)
FEATURES: tuple[Feature, ...] = (DISCOUNTS, SHIFTS, DEVICES)
