"""A terminal's trust client over a real connection, with a clock the test turns."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from evertill.protocol.provision import Provision
from evertill.terminal.agent.connection import Connection
from evertill.terminal.agent.metadata import MetadataFetcher
from evertill.terminal.agent.trust import Identity, TrustClient
from tests.terminal.trust.mint import NOW


@dataclass
class Passed:
    """The clock's floor as a plain value."""

    value: datetime = datetime(2026, 1, 1, tzinfo=NOW.tzinfo)

    def rise(self, moment: datetime) -> None:
        self.value = max(self.value, moment)


@dataclass
class Terminal:
    """One terminal of model T1, revision B, of merchant 8."""

    home: Path
    url: str
    root: bytes
    merchant_id: int | None = 8
    model: str = "T1"
    revision: str = "B"
    now: datetime = NOW
    passed: Passed = field(default_factory=Passed)
    deadline_s: float = 5.0

    def __post_init__(self) -> None:
        self.connection = Connection(
            Provision(
                url=self.url,
                tenant="DEFAULT",
                serial="T-0001",
                token="plainly-a-demo-token",
                merchant_id=self.merchant_id,
                node="DEFAULT/agent/shop/store",
                time_zone="Asia/Shanghai",
                model=self.model,
                hardware_revision=self.revision,
                root=json.loads(self.root),
            )
        )
        self.trust = self.restarted()

    def restarted(self) -> TrustClient:
        """The client of a new process on the same home."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.trust = TrustClient(
            self.home / "trust",
            self.root,
            f"{self.url}/DEFAULT/tuf/metadata/",
            MetadataFetcher(self.connection, self.deadline_s),
            Identity(self.model, self.revision, self.merchant_id),
            lambda: self.now,
            self.passed,
        )
        return self.trust

    def refresh(self) -> TrustClient:
        self.trust.refresh(self.now)
        return self.trust
