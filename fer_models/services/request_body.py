"""Images as the body of a request: PNG, form or JSON."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from urllib3 import encode_multipart_formdata

from fer_models.services.service_file import IMAGE, Send, ServiceFile


class Body(NamedTuple):
    """Bytes of a request and their media type."""

    data: bytes
    media_type: str


def request_body(images: np.ndarray, file: ServiceFile) -> Body:
    """Write images as a service takes them; every level arrives as it is.

    Args:
        images: uint8 (N, h, w, c), c = 1 or 3 (RGB); one for a PNG, at most a batch otherwise.
        file: how the service is asked.
    """
    if file.send is Send.PNG:
        return Body(png(images[0]), "image/png")
    if file.send is Send.MULTIPART:
        parts = [
            (file.field, (f"{place}.png", png(image), "image/png"))
            for place, image in enumerate(images)
        ]
        return Body(*encode_multipart_formdata(parts))
    written = [_json_image(image, file) for image in images]
    filled = _filled(file.body, iter(written), len(images))
    return Body(json.dumps(filled).encode(), "application/json")


def png(image: np.ndarray) -> bytes:
    """An image uint8 (h, w, c) as PNG, grey or RGB."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(
        buffer, format="PNG", compress_level=1
    )
    return buffer.getvalue()


def _json_image(image: np.ndarray, file: ServiceFile) -> Any:
    if file.send is Send.BASE64:
        return base64.b64encode(png(image)).decode()
    if (file.low, file.high) == (0, 255):
        return image.tolist()
    return (image / 255 * (file.high - file.low) + file.low).tolist()


def _filled(body: Any, images: Iterator[Any], count: int) -> Any:
    """The body with the images in place; a list of one element that holds one is repeated."""
    if body == IMAGE:
        return next(images)
    if isinstance(body, dict):
        return {key: _filled(value, images, count) for key, value in body.items()}
    if isinstance(body, list):
        repeated = body * count if len(body) == 1 and IMAGE in json.dumps(body) else body
        return [_filled(part, images, count) for part in repeated]
    return body
