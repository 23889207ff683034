"""A viewer's end of the WebSocket."""

import json

from simple_websocket import Client


def connect(address, **headers):
    return Client(f"ws://{address}/ws", headers=headers)


def answer_of(socket):
    data = socket.receive(timeout=20)
    assert data is not None
    return json.loads(data)


def record(socket, on):
    socket.send(json.dumps({"record": on}))
    return answer_of(socket)
