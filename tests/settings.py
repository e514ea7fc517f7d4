"""Django's settings for tests: an installation in a fresh temporary folder, one per test process.

EVERTILL_TEST_DATABASE (a PostgreSQL URL) runs the same tests on PostgreSQL.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from evertill.server import configuration

_data = Path(tempfile.mkdtemp(prefix="evertill-test-"))
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["EVERTILL_DATA"] = str(_data)
os.environ["EVERTILL_DATABASE"] = os.environ.get("EVERTILL_TEST_DATABASE", "")
configuration.create(_data, "DEFAULT")

from evertill.server.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
