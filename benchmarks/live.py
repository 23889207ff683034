"""`python -m benchmarks.live`: measure the live demo with plain WebSocket clients.

Starts the server in a process of its own and sends it a face of 640x480 pixels as JPEG:

    first answer       from the request for the page to the first answer that lacks nothing, with
                       the page's own settings, of a server that nobody has asked yet
    clean, fgsm        frames per second with two frames in flight, as the page sends them, and
                       the median time from frame sent to answer received
    pgd 20             flooded with 30 frames per second, whatever comes back: the age of answers
                       in the first and in the last quarter shows whether a queue grows
    8 clients          frames per second of the slowest and of the fastest
    memory             of the server after `--minutes` at full rate

Writes the section `## Live demo` of a Markdown file. Needs `pip install -e .[live]`.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from datasets.base.atomic import atomic
from datasets.base.commands import run
from datasets.base.errors import InputError

if TYPE_CHECKING:
    from simple_websocket import Client

Option = typer.Option
HEADING = "## Live demo"
SIZE = (640, 480)
ON_THE_WAY = 2
FLOOD_RATE = 30
CLIENTS = 8


class Pace(NamedTuple):
    """Frames per second, and the ages of answers in milliseconds, in order."""

    rate: float
    ages: list[float]


def main(
    model: Annotated[str, Option(help="Id of the classifier.")] = "mini_xception.fer",
    clip: Annotated[Path | None, Option(help="Clip with one face. Default: a portrait.")] = None,
    seconds: Annotated[float, Option(min=1, help="Length of each measurement.")] = 15.0,
    minutes: Annotated[float, Option(min=0, help="Length of the memory measurement.")] = 10.0,
    out: Annotated[Path | None, Option(help="Markdown file to write the section to.")] = None,
) -> None:
    """Measure frame rate, latency, queues, memory and fairness of the live demo."""
    from fer_models import zoo

    zoo.describe(model)  # refuses an unknown model, or several
    frames = _frames(clip)
    lines = [_first_answer(frames[0], model)]
    with _server(model) as (address, process):
        lines += _measure(address, frames, model, seconds)
        if minutes:
            lines.append(_memory(address, process, frames, model, minutes * 60))
    section = _section(lines, model, clip)
    print(section)
    if out is not None:
        _replace(out, section)


def _first_answer(frame: bytes, model: str) -> tuple[str, str]:
    """Open the page of a new server and send one frame again until the answer lacks nothing."""
    from fer_models import zoo

    second = zoo.counterpart(model, zoo.model_ids())
    settings = {"model": model, "second": second or "", "attack": "fgsm"}
    with _server(model) as (address, _):
        start = time.perf_counter()
        with urllib.request.urlopen(_page(address)) as page:
            page.read()
        client, sent = _connect(address, settings, frame, complete=1)
        seconds = time.perf_counter() - start
        client.close()
    name = "first answer, FGSM" + (f" beside `{second}`" if second else "")
    text = f"{seconds:.2f} s after the page is requested, to frame {sent}"
    print(name, text, file=sys.stderr)
    return name, text


def _measure(
    address: str, frames: list[bytes], model: str, seconds: float
) -> list[tuple[str, str]]:
    """All rows but the one of memory; a second classifier where the other label set has one."""
    from fer_models import zoo

    paced = {"clean": {}, "FGSM, 4/255": {"attack": "fgsm"}}
    if second := zoo.counterpart(model, zoo.model_ids()):
        paced[f"FGSM beside `{second}`"] = {"attack": "fgsm", "second": second}
    lines = []
    for name, settings in paced.items():
        pace = _paced(address, frames, {"model": model, **settings}, seconds)
        age = median(pace.ages)
        lines.append((name, f"{pace.rate:.1f} frames/s, {age:.0f} ms from frame to answer"))
        print(*lines[-1], file=sys.stderr)
    flood = _flooded(address, frames, {"model": model, "attack": "pgd", "steps": 20}, seconds)
    quarter = max(1, len(flood.ages) // 4)
    first, last = median(flood.ages[:quarter]), median(flood.ages[-quarter:])
    text = (
        f"{flood.rate:.1f} frames/s; answers are {first:.0f} ms old at first, {last:.0f} ms at last"
    )
    lines.append((f"PGD-20, flooded with {FLOOD_RATE} frames/s", text))
    rates = _together(address, frames, {"model": model, "attack": "fgsm"}, seconds)
    text = f"{min(rates):.1f} to {max(rates):.1f} frames/s each, {sum(rates):.1f} in all"
    lines.append((f"{CLIENTS} clients, FGSM", text))
    return lines


def _memory(
    address: str, process: subprocess.Popen[str], frames: list[bytes], model: str, seconds: float
) -> tuple[str, str]:
    settings = {"model": model, "attack": "fgsm"}
    _paced(address, frames, settings, min(20.0, seconds))
    before = _resident(process.pid)
    pace = _paced(address, frames, settings, seconds)
    grown = _resident(process.pid) - before
    count = len(pace.ages)
    return (
        f"memory over {seconds / 60:.3g} minutes",
        f"{grown:+.1f} MB on {before:.0f} MB, {count} frames at {pace.rate:.1f} frames/s",
    )


def _resident(pid: int) -> float:
    """Resident memory of a process, MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


def _frames(clip: Path | None) -> list[bytes]:
    """JPEGs of 640x480."""
    import cv2
    import numpy as np

    if clip is None:
        from skimage.data import astronaut

        face = cv2.resize(astronaut()[:200, 120:320], (240, 240), interpolation=cv2.INTER_CUBIC)
        images = []
        for shift in range(24):
            image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
            image[120:360, 150 + 4 * shift : 390 + 4 * shift] = face
            images.append(image)
    else:
        from faces.video import frames

        images = [cv2.resize(frame.image, SIZE) for frame in frames(clip)][:300]
    return [bytes(cv2.imencode(".jpg", image[..., ::-1])[1].tobytes()) for image in images]


@contextmanager
def _server(model: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "live", "--no-browser", "--port", "0", "--model", model]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise InputError(
                "the server exited before it accepted connections; its messages are above."
            )
        yield address.replace("http", "ws") + "ws", process
    finally:
        process.terminate()
        process.wait(20)


def _page(address: str) -> str:
    return address.replace("ws", "http", 1).removesuffix("ws")


def _connect(
    address: str, settings: dict[str, Any], frame: bytes, complete: int = 5
) -> "tuple[Client, int]":
    """A client that got `complete` answers lacking nothing, and how many frames it sent.

    After five, models are loaded and calls compiled.
    """
    from simple_websocket import Client

    client = Client(address, receive_bytes=2**16)
    client.send(json.dumps({"settings": settings}))
    warm = sent = 0
    while warm < complete:
        client.send(frame)
        sent += 1
        answer = json.loads(client.receive())
        if answer["kind"] == "error":
            raise InputError(answer["error"])
        warm += not answer["note"]
    return client, sent


def _paced(address: str, frames: list[bytes], settings: dict[str, Any], seconds: float) -> Pace:
    """Send the next frame when an answer comes, as the page does."""
    client, base = _connect(address, settings, frames[0])
    sent_at: dict[int, float] = {}
    ages: list[float] = []
    start = time.perf_counter()
    sent, answered = 0, 0
    while time.perf_counter() - start < seconds:
        while sent - answered < ON_THE_WAY:
            sent += 1
            sent_at[sent] = time.perf_counter()
            client.send(frames[sent % len(frames)])
        answered = json.loads(client.receive())["frame"] - base
        ages.append(1000 * (time.perf_counter() - sent_at.pop(answered)))
    rate = len(ages) / (time.perf_counter() - start)
    client.close()
    return Pace(rate, ages)


def _flooded(address: str, frames: list[bytes], settings: dict[str, Any], seconds: float) -> Pace:
    """Send at a fixed rate, whatever comes back."""
    client, base = _connect(address, settings, frames[0])
    sent_at: list[float] = []
    ages: list[float] = []
    done = threading.Event()

    def send() -> None:
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            sent_at.append(time.perf_counter())
            client.send(frames[len(sent_at) % len(frames)])
            time.sleep(max(0.0, start + len(sent_at) / FLOOD_RATE - time.perf_counter()))
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    while not done.is_set():
        data = client.receive(timeout=1)
        if data is None:
            continue
        answered = json.loads(data)["frame"] - base
        ages.append(1000 * (time.perf_counter() - sent_at[answered - 1]))
    sender.join()
    client.close()
    return Pace(len(ages) / seconds, ages)


def _together(
    address: str, frames: list[bytes], settings: dict[str, Any], seconds: float
) -> list[float]:
    """Frames per second of each client, all at once."""
    rates: list[float] = []

    def watch() -> None:
        rates.append(_paced(address, frames, settings, seconds).rate)

    threads = [threading.Thread(target=watch) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rates


def _section(lines: list[tuple[str, str]], model: str, clip: Path | None) -> str:
    face = f"the clip `{clip.name}`" if clip else "a moving portrait"
    cores = len(os.sched_getaffinity(0))
    table = "\n".join(f"| {name} | {text} |" for name, text in lines)
    return (
        f"{HEADING}\n\n`{model}`, one face, {face} as 640x480 JPEG, {cores} cores; measured by "
        f"`python -m benchmarks.live --model {model}`, a WebSocket client on the same machine.\n\n"
        f"| what | measured |\n|---|---|\n{table}\n"
    )


def _replace(path: Path, section: str) -> None:
    """Write the section in the place of the old one, or at the end."""
    text = path.read_text() if path.exists() else "# Benchmarks\n"
    before, found, after = text.partition(f"{HEADING}\n")
    rest = after.partition("\n## ")[2] if found else ""
    text = f"{before.rstrip()}\n\n{section}" + (f"\n## {rest}" if rest else "")
    with atomic(path) as unfinished:
        unfinished.write_text(text)


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.live")
