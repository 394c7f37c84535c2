"""Open every chapter in a real JupyterLab, in Chromium: `.venv/bin/python .ci/lab.py [02 ...]`.

The server is started as README says. Each chapter is run with Run All; no cell may print an error
or anything on stderr. Where there is a slider, it is dragged, and its figure must change.

Needs what README's test command installs, and playwright with a Chromium on this machine.
"""

import contextlib
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Looks at the notebook itself, and not at its pages: JupyterLab draws only the cells in view.
STATE = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = panel.content.model.sharedModel.cells.map((cell) => cell.toJSON());
    const code = cells.filter((cell) => cell.cell_type === "code" && cell.source.length);
    const kernel = panel.sessionContext.session?.kernel;
    return {
        path: panel.context.path,
        status: kernel?.status ?? "none",
        run: code.filter((cell) => cell.execution_count !== null).length,
        code: code.length,
        bad: code.flatMap((cell) => cell.outputs).filter(
            (output) => output.output_type === "error" || output.name === "stderr"
        ),
    };
}"""


# Cells that say that their output (or code) is to be hidden, and are open nevertheless.
OPEN = """() => window.jupyterapp.shell.currentWidget.content.widgets.filter((cell) => {
    const jupyter = cell.model.getMetadata("jupyter") ?? {};
    return (jupyter.outputs_hidden && !cell.outputHidden)
        || (jupyter.source_hidden && !cell.inputHidden);
}).length"""


def server_command(root: Path) -> list[str]:
    """Return the last part of README's command to read the book, for this Python.

    It names chapter 0, and so JupyterLab takes the folder of the chapters as its root.
    """
    bash = [str(root / ".ci" / "run"), "command", "read"]
    line = subprocess.run(bash, check=True, capture_output=True, text=True).stdout
    command = shlex.split(line.rpartition("&&")[2])
    return [str(Path(sys.executable).parent / Path(command[0]).name), *command[1:]]


def start_server(folder: Path, token: str) -> tuple[subprocess.Popen, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--no-browser", f"--ServerApp.port={port}", f"--IdentityProvider.token={token}"]
    # What a first-time reader's JupyterLab does not have: settings, workspaces, news of updates.
    options += ["--LabApp.expose_app_in_browser=True", "--ServerApp.port_retries=0"]
    if os.geteuid() == 0:
        options.append("--allow-root")
    home = folder.parent / "home"
    home.mkdir()
    server = subprocess.Popen(
        [*server_command(ROOT), *options],
        cwd=folder,
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(home / "c"), "JUPYTERLAB_SETTINGS_DIR":
             str(home / "s"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "w")},
        stdout=(home / "log").open("w"),
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api?token={token}", timeout=5)
            return server, address
        except OSError:
            time.sleep(0.5)
    server.terminate()
    raise RuntimeError((home / "log").read_text())


def stop_kernels(address: str, token: str) -> None:
    """Stop what the last chapter left running: two cores are not to carry twenty kernels.

    We ask the server and not the page, and go on if it refuses: on a busy machine it has
    answered with an error of its own (500), which says nothing about the chapter.
    """

    def ask(path: str, method: str) -> bytes:
        headers = {"Authorization": f"token {token}"}
        request = urllib.request.Request(f"{address}/api/{path}", headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    with contextlib.suppress(urllib.error.HTTPError):
        for session in json.loads(ask("sessions", "GET")):
            ask(f"sessions/{session['id']}", "DELETE")


def run_all(page: Page) -> dict:
    """Run all cells and wait for the last; return what became of them."""
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    # In braces: the promise of the command would wait for the answer to its dialogue.
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:restart-run-all'); }")
    page.locator("dialog button.jp-mod-accept, .jp-Dialog button.jp-mod-accept").last.click()
    for _ in range(240):
        page.wait_for_timeout(250)
        state = page.evaluate(STATE)
        if state["bad"] or (state["status"] == "idle" and state["run"] == state["code"]):
            break
    return state


def drag_slider(page: Page) -> str | None:
    """Drag the first slider of the chapter to its farther end; return what is wrong."""
    where = page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
            (cell) => (cell.model.sharedModel.toJSON().outputs ?? []).some(
                (o) => o.data?.['application/vnd.jupyter.widget-view+json']))"""
    )
    page.evaluate(
        "(i) => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", where
    )
    handle = page.locator(".noUi-handle").first
    handle.wait_for()
    handle.scroll_into_view_if_needed()
    image = page.locator(".widget-vbox img").first
    before = image.get_attribute("src")
    box, track = handle.bounding_box(), page.locator(".noUi-base").first.bounding_box()
    here, ends = box["x"] + box["width"] / 2, (track["x"] + 2, track["x"] + track["width"] - 2)
    height = box["y"] + box["height"] / 2
    page.mouse.move(here, height)
    page.mouse.down()
    page.mouse.move(max(ends, key=lambda end: abs(end - here)), height, steps=5)
    page.mouse.up()
    for _ in range(60):
        page.wait_for_timeout(250)
        if image.get_attribute("src") != before:
            return None
    return "its slider was dragged and the figure did not change"


def try_chapter(page: Page, address: str, token: str, path: Path) -> list[str]:
    name = f"deeper/{path.name}" if path.parent.name == "deeper" else path.name
    page.goto(f"{address}/lab/tree/{name}?token={token}&reset")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.isReady")
    spoiled = page.evaluate(OPEN)
    state = run_all(page)
    problems = [re.sub(r"\x1b\[[\d;]*m", "", str(output))[:2000] for output in state["bad"]]
    if spoiled:
        problems.append(f"{spoiled} cells are open that should be folded")
    if state["path"] != name:
        problems.append(f"{state['path']} was opened instead")
    if state["run"] != state["code"] or state["code"] == 0:
        problems.append(f"{state['run']} of {state['code']} cells ran")
    if not problems and "plotting.slider" in path.read_text(encoding="utf-8"):
        problems += filter(None, [drag_slider(page)])
    return problems


def main() -> int:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "google-chrome"
    begun, token, failed = time.monotonic(), secrets.token_hex(16), 0
    with tempfile.TemporaryDirectory() as name:
        # A copy: JupyterLab saves what it runs.
        folder = Path(name) / "book"
        shutil.copytree(ROOT / "notebooks", folder / "notebooks")
        wanted = sys.argv[1:] or ["[0-9][0-9]-"]
        chapters = [p for w in wanted for p in sorted((folder / "notebooks").rglob(f"{w}*.ipynb"))]
        server, address = start_server(folder, token)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.set_default_timeout(60_000)
                for path in chapters:
                    problems = try_chapter(page, address, token, path)
                    stop_kernels(address, token)
                    failed += bool(problems)
                    seconds = time.monotonic() - begun
                    print(
                        f"{path.name} ({seconds:.0f} s so far)", *problems, sep="\n    ", flush=True
                    )
                browser.close()
        finally:
            server.terminate()
            server.wait(30)
    print(f"{len(chapters) - failed} passed, {failed} failed")
    return int(failed > 0 or not chapters)


if __name__ == "__main__":
    sys.exit(main())
