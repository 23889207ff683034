"""Files as viewers send them: photographs, claims about size, animations."""

import io
import json
import struct
import zlib

from PIL import Image


def encoded(image, kind="JPEG", **options):
    data = io.BytesIO()
    Image.fromarray(image).save(data, kind, **options)
    return data.getvalue()


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def gif_of(count, side=64):
    """Many frames in few bytes."""
    frames = [Image.new("L", (side, side), i % 256) for i in range(count)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    return data.getvalue()


def send(client, data, path="/api/photo", name="photo.jpg", **settings):
    form = {"photo": (io.BytesIO(data), name), "settings": json.dumps(settings)}
    return client.post(path, data=form, headers={"Host": "127.0.0.1"})
