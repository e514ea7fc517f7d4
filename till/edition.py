"""What this version of the till consists of. Written by stage.py from versions.toml, never by hand."""

from till.discounts.feature import FEATURE as DISCOUNTS
from till.features import Feature
from till.journal.migrations import Step, m0001, m0002

VERSION = "1.1.0"
SCHEMA = 2
READABLE = (1, 2)
MIGRATIONS: tuple[Step, ...] = (m0001.STEP, m0002.STEP)
FEATURES: tuple[Feature, ...] = (DISCOUNTS,)
