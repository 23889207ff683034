"""`python -m live`: classify faces of a camera, clean and under attack, in a page or a window."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.signals import raise_if_stopped
from fer_models.photo_options import MODEL

if TYPE_CHECKING:
    from live.model_loader import ModelLoader
    from live.source import Source

Option = typer.Option
DEFAULT_MODEL = "simple_cnn.fer"
HOST, PORT = "127.0.0.1", 8765
_DIGITS = 4
"""Most digits of a camera number, which OpenCV reads into an int."""


def main(
    port: Annotated[int, Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = PORT,
    host: Annotated[
        str, Option(help="Address to listen on; viewers from other machines need a token.")
    ] = HOST,
    browser: Annotated[bool, Option(help="Open the page in a browser.")] = True,
    source: Annotated[
        str, Option(help="camera (the browser's), a video file, or the number of a local camera.")
    ] = "camera",
    model: Annotated[str, MODEL] = DEFAULT_MODEL,
    window: Annotated[bool, Option("--window", help="Show a window instead of a page.")] = False,
    out: Annotated[
        Path | None, Option(help="Folder for faces saved in the window. Default: collected.")
    ] = None,
    allow_url: Annotated[
        bool, Option("--allow-url", help="Let viewers load photographs by public URL.")
    ] = False,
) -> None:
    """Classify the faces of a camera, clean and under attack, side by side."""
    if not host:
        raise InputError("--host must be an address; got ''. 0.0.0.0 listens on all.")
    if out and not window:
        raise InputError(f"--out is for faces saved in the --window; got {out}. Add --window.")
    given = {"--host": host != HOST, "--port": port != PORT, "--allow-url": allow_url}
    for option in [option for option, differs in given.items() if differs and window]:
        raise InputError(f"{option} is for the page; got it with --window. Leave out one of them.")
    place = _place(source)
    from fer_models import zoo

    zoo.describe(model)  # refuses anything but one model
    from fer_models.backend import quiet_backend

    quiet_backend()
    from fer_models.defences.registry import parse_defence

    for defence in zoo.split_defences(model)[1]:
        parse_defence(defence)
    models = _models(model)
    if window:
        from datasets.base.writable import default_folder

        _open_window(models, place, out or default_folder(Path("collected")))
        return
    _serve(models, _source(place), host, port, browser, allow_url)


def _place(source: str) -> Path | int | None:
    """Return a clip, the number of a local camera, or None for the browser's camera."""
    if source == "camera":
        return None
    if source.isascii() and source.isdigit() and len(source) <= _DIGITS:
        return int(source)
    if not Path(source).is_file():
        raise InputError(
            f"--source must be camera, a number from 0 to {10**_DIGITS - 1}, or a clip; "
            f"got {source!r}."
        )
    return Path(source)


def _models(first: str) -> "ModelLoader":
    from fer_models import zoo
    from live.model_loader import ModelLoader

    others = [model for model in zoo.model_ids() if model != first]
    return ModelLoader([first, *others])


def _source(place: Path | int | None) -> "Source | None":
    from live.source import Source

    return None if place is None else Source(place)


def _open_window(models: "ModelLoader", place: Path | int | None, out: Path) -> None:
    from live.window import show

    show(models, 0 if place is None else place, out)


def _serve(
    models: "ModelLoader",
    source: "Source | None",
    host: str,
    port: int,
    browser: bool,
    allow_url: bool,
) -> None:
    try:
        from live.server.app import make_app, serve
        from live.server.clips import Clips
        from live.server.guard import is_loopback, new_token
    except ModuleNotFoundError as error:
        raise InputError(
            f"the live page needs {error.name}, which is not installed: pip install -e '.[live]'. "
            "Or use --window."
        ) from error
    from live.engine import Engine

    token = None if is_loopback(host) else new_token()
    engine = Engine(models)
    clips = Clips(engine)
    app = make_app(engine, source=source, token=token, allow_url=allow_url, clips=clips)
    server = serve(app, host, port)
    engine.warm()
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.port}/"
    address += f"?token={token}" if token else ""
    print(f"{address}\nCtrl-C stops.", flush=True)
    if browser:
        import webbrowser

        webbrowser.open(address)
    try:
        server.serve_forever()
    finally:
        clips.close()
    raise_if_stopped()  # werkzeug swallows the exception of Ctrl-C and SIGTERM


if __name__ == "__main__":
    run(main, prog="python -m live")
