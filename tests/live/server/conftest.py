"""A server for the tiny classifiers, its client, and its address."""

import pytest

from live.server.app import make_app
from tests.live.serving import served


@pytest.fixture(scope="module")
def app(engine):
    return make_app(engine)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="module")
def address(app):
    with served(app) as address:
        yield address
