"""The sale lock does on this machine what it must: a sale keeps the agent out, and the agent keeps sales out."""

from till.checks import Bench, Check, require
from till.locks import FileLock


def run(bench: Bench) -> str:
    """Two holders on a lock file in the copy's folder, in both orders."""
    path = bench.folder / "self-test.lock"
    sale, agent = FileLock(path), FileLock(path)
    try:
        require(expected=True, seen=sale.take_shared(), what="a sale takes the lock")
        require(expected=False, seen=agent.take_exclusive(), what="the agent is kept out during a sale")
        sale.release()
        require(expected=True, seen=agent.take_exclusive(), what="the agent takes the free lock")
        require(expected=False, seen=sale.take_shared(), what="a sale is kept out while the agent works")
    finally:
        sale.release()
        agent.release()
        path.unlink(missing_ok=True)
    return "sale and agent keep each other out"


CHECK = Check("lock_works", run)
