"""What `RayEngine` uses of Ray, in one process: actors answer when they are asked, or die."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class RayError(Exception):
    """Any failure of Ray itself."""


class RayTaskError(RayError):
    """An exception in an actor's method."""


class Future:
    """What an actor will answer."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer


class FakeRay(SimpleNamespace):
    """The module `ray`, as far as the engine knows it.

    Attributes:
        dies: called with the arguments of each call of an actor's method; whether it dies instead.
        resources: of the cluster.
        joined: whether this process is connected to a cluster.
        alive: whether its node and its raylet are.
    """

    def __init__(self, dies: Callable[..., bool]) -> None:
        super().__init__(exceptions=SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError))
        self.dies, self.resources = dies, {"CPU": 2.0, "memory": 1e15}
        self.started: list[dict[str, Any]] = []
        self.killed: list[Any] = []
        self.joined, self.alive = True, True
        node = SimpleNamespace(dead_processes=lambda: [] if self.alive else [("raylet", None)])
        self._private = SimpleNamespace(worker=SimpleNamespace(_global_node=node))
        self.calls: list[str] = []

    def is_initialized(self) -> bool:
        return self.joined

    def init(self, *_: Any, **__: Any) -> None:
        self.joined = True

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def put(self, value: Any) -> list[Any]:
        return [value]

    def get(self, reference: Any) -> Any:
        if isinstance(reference, list):
            return reference[0]
        return reference.answer()

    def wait(self, futures: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        return futures[-1:], futures[:-1]

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": self.alive, "Resources": self.resources}]

    def remote(self, kind: type) -> Any:
        def options(**values: Any) -> Any:
            self.started.append(values)
            return SimpleNamespace(remote=lambda *given: self._actor(kind(*given)))

        return SimpleNamespace(options=options)

    def _actor(self, held: Any) -> Any:
        def method(name: str) -> Any:
            def remote(*given: Any) -> Any:
                def answer() -> Any:
                    if self.dies(name, *given):
                        raise RayError("the actor is dead")
                    return getattr(held, name)(*given)

                return Future(answer)

            return SimpleNamespace(remote=remote)

        return SimpleNamespace(versions=method("versions"), compute=method("compute"))
