"""A mirror of small data sets, a Hub on this machine, and no way to any other."""

import socket
import threading

import pytest
from huggingface_hub import constants

from stages.evaluation.mirror.adopt import adopt
from stages.evaluation.mirror.needs import needed
from tests.evaluation.mirror import small
from tests.evaluation.mirror.hub_server import HubServer


@pytest.fixture
def fill(tmp_path):
    """`fill(name, ...)` puts the small data sets of these tasks into the folder of a mirror and returns it."""
    folder = tmp_path / "mirror"

    def put(*names):
        for name in names:
            small.write(folder / small.task(name).metadata.dataset["path"], small.TASKS[name]())
        return folder

    return put


@pytest.fixture
def locked(fill):
    """As `fill`, with a lock."""

    def put(*names):
        folder = fill(*names)
        adopt(folder, needed(map(small.task, names)))
        return folder

    return put


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def hub(monkeypatch):
    """A Hub that huggingface_hub takes for the real one, without repositories at first."""
    server = HubServer()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    reach(monkeypatch, server.address)
    yield server
    server.shutdown()
    server.server_close()


def reach(monkeypatch, address):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
