"""Components and homes for tests of the terminal: stub tills staged, bundled and installed the way the real ones are."""

import atexit
import hashlib
import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from evertill.protocol.manifest import MANIFEST_NAME, File, describe, encode, with_files
from evertill.protocol.release import ReleaseComponent
from evertill.server.rooms.catalog.bundles import build
from evertill.terminal.generations.folders import GenerationFolders

_STUB = Path(__file__).with_name("stub_till.py")
_ENTRY = '["{python}", "-I", "-S", "-B", "{slot}/main.py", "%s", "--data", "{data}"%s]'


def stage_till(
    folder: Path,
    version: str = "1.0.0",
    *,
    schema: int = 1,
    fault: str = "",
    needs_empty_batch: bool = False,
    requires: str = "",
    **traits: Any,
) -> Path:
    """A stub till's component folder, as a publisher would have it."""
    folder.mkdir(parents=True)
    shutil.copy(_STUB, folder / "main.py")
    (folder / "traits.json").write_text(json.dumps({"version": version, "schema": schema, "fault": fault, **traits}))
    (folder / "component.toml").write_text(f"""format = 1
component = "till"
type = "app"
version = "{version}"
python = "cp311"
rollback_index = 1
minutes = 2
needs_empty_batch = {str(needs_empty_batch).lower()}
requires = [{requires}]
[data_schema]
written = {schema}
readable = [1, {schema}]
[entry_points]
start = {_ENTRY % ("start", ', "--run", "{run}"')}
self_test = {_ENTRY % ("self-test", "")}
migrate = {_ENTRY % ("migrate", "")}
""")
    return folder


def stage_params(folder: Path, version: str = "1", text: str = "fees\n") -> Path:
    folder.mkdir(parents=True)
    (folder / "params.txt").write_text(text)
    (folder / "component.toml").write_text(
        f'format = 1\ncomponent = "params"\ntype = "params"\nversion = "{version}"\n'
        "rollback_index = 1\nminutes = 1\nneeds_empty_batch = false\n"
    )
    return folder


def stage_agent(folder: Path, version: str) -> Path:
    """An agent that only sleeps; its second generation knows itself by its own folder."""
    folder.mkdir(parents=True)
    (folder / "sleep.py").write_text("import time\ntime.sleep(1e6)\n")
    (folder / "component.toml").write_text(
        f'format = 1\ncomponent = "agent"\ntype = "agent"\nversion = "{version}"\npython = "cp311"\n'
        "rollback_index = 1\nminutes = 1\nneeds_empty_batch = false\n"
        '[entry_points]\nstart = ["{python}", "-I", "-S", "-B", "{slot}/sleep.py", "{run}"]\n'
    )
    return folder


def put_in_slot(staged: Path, slots: Path) -> None:
    """Install without a bundle: the files and their manifest, as `unpack` leaves them."""
    component = describe((staged / "component.toml").read_bytes())
    files = []
    for path in sorted(staged.rglob("*")):
        if path.is_file() and path.name != "component.toml":
            name, content = path.relative_to(staged).as_posix(), path.read_bytes()
            target = slots / component.component / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o644)
            files.append(File(path=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), mode="0644"))
    (slots / component.component / MANIFEST_NAME).write_bytes(encode(with_files(component, tuple(files))))


def first_generation(home: Path, *staged: Path) -> GenerationFolders:
    """A home whose generation 1 consists of these components, committed and current, without data yet."""
    generations = GenerationFolders(home / "generations")
    for component in staged:
        put_in_slot(component, generations.slots(1))
    generations.data(1).mkdir(mode=0o700)
    generations.commit(1)
    generations.flip(1)
    return generations


def part_of(bundle: Path, component: str, kind: str, version: str) -> ReleaseComponent:
    content = bundle.read_bytes()
    return ReleaseComponent(
        path=bundle.name,
        sha256=hashlib.sha256(content).hexdigest(),
        sha512=hashlib.sha512(content).hexdigest(),
        length=len(content),
        type=kind,  # type: ignore[arg-type] # told by the caller
        component=component,
        version=version,
    )


def bundled(staged: Path, out: Path) -> ReleaseComponent:
    """Build the bundle of a staged component into `out` and describe it as a release would."""
    out.mkdir(parents=True, exist_ok=True)
    built = build(staged, out)
    return part_of(built.path, built.manifest.component, built.manifest.type, built.manifest.version)


def work_folder(purpose: str) -> Path:
    """A folder that lives as long as this test process; short, because sockets lie below some of them."""
    folder = Path(mkdtemp(prefix=f"evertill-{purpose}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def till_bundle(
    version: str, schema: int, fault: str = "", *, needs_empty_batch: bool = False
) -> tuple[Path, ReleaseComponent]:
    """The folder with the bundle of a stub till, built once per process, and its description."""
    work = work_folder("bundle")
    staged = stage_till(work / "staged", version, schema=schema, fault=fault, needs_empty_batch=needs_empty_batch)
    return work / "out", bundled(staged, work / "out")
