"""Connections that wait for a request: each is found once, by one thread, unless it was removed before."""

import math
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.server.waiting import WaitingConnections


class Connection:
    """A connection of a worker, and its other side."""

    has_more = False

    def __init__(self, timeout=math.inf):
        ours, self.client = socket.socketpair()
        self.sock = Socket(fileno=ours.detach())
        self.timeout = timeout

    def close(self):
        self.sock.close()
        self.client.close()


class Socket(socket.socket):
    queued_at = None


@pytest.fixture
def waiting():
    waiting = WaitingConnections()
    # What should be found and is not would be waited for without end.
    alarm = threading.Timer(30, waiting.close)
    alarm.start()
    yield waiting
    alarm.cancel()
    waiting.close()


@pytest.fixture
def connect(waiting):
    made = []

    def connect(**options):
        connection = Connection(**options)
        made.append(connection)
        waiting.add(connection)
        return connection

    yield connect
    for connection in made:
        connection.close()


def test_a_connection_is_taken_when_something_comes_in(waiting, connect):
    silent, speaking = connect(), connect()
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(waiting.take)
        time.sleep(0.05)
        assert not taken.done()
        before = time.monotonic()
        speaking.client.send(b"x")
        assert taken.result(5) is speaking
        assert before <= speaking.sock.queued_at <= time.monotonic()
    assert list(waiting) == [silent]


def test_a_client_that_closes_is_noticed(waiting, connect):
    connection = connect()
    connection.client.close()
    assert waiting.take() is connection


def test_each_is_taken_by_one_thread(waiting, connect):
    """Each is sent to again once it waits again; each time one thread has it, whatever the main thread does."""
    connections = [connect() for _ in range(20)]
    taken, times = [], 50

    def serve():
        while (connection := waiting.take()) is not None:
            connection.sock.recv(1)
            taken.append(connection)
            if taken.count(connection) < times:
                waiting.add(connection)
                connection.client.send(b"x")

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(serve) for _ in range(8)]
        for connection in connections:
            connection.client.send(b"x")
        while len(taken) < len(connections) * times and not waiting.is_closed:
            waiting.note_arrivals()
            assert waiting.remove_overdue(1) == []
        waiting.close()
        for thread in threads:
            thread.result(5)
    assert all(taken.count(connection) == times for connection in connections)
    assert len(waiting) == 0


def test_those_who_are_ready_are_taken_before_those_who_come_after(waiting, connect):
    first, second = connect(), connect()
    first.client.send(b"x")
    waiting.note_arrivals()
    second.client.send(b"x")
    waiting.note_arrivals()
    assert [waiting.take(), waiting.take()] == [first, second]


def test_the_time_is_noted_while_nobody_takes(waiting, connect):
    connection = connect()
    connection.client.send(b"x")
    waiting.note_arrivals()
    noted = time.monotonic()
    time.sleep(0.05)
    assert waiting.take() is connection
    assert connection.sock.queued_at <= noted


def test_what_has_more_is_ready_at_once(waiting, connect):
    connection = connect()
    connection.client.send(b"x")
    assert waiting.take() is connection
    assert connection.sock.recv(1) == b"x"
    connection.has_more = True
    waiting.add(connection)
    assert waiting.take() is connection


def test_the_overdue_are_removed_and_not_taken(waiting, connect):
    overdue, due, ready = connect(timeout=1), connect(timeout=3), connect(timeout=1)
    ready.client.send(b"x")
    waiting.note_arrivals()
    assert waiting.remove_overdue(2) == [overdue]
    assert waiting.remove_overdue(2) == []
    overdue.client.send(b"x")
    due.client.send(b"x")
    assert [waiting.take(), waiting.take()] == [ready, due]


def test_what_came_in_is_not_overdue(waiting, connect):
    connection = connect(timeout=1)
    connection.client.send(b"x")
    assert waiting.remove_overdue(2) == []
    assert waiting.take() is connection


def test_they_can_be_counted_and_gone_through(waiting, connect):
    first, second = connect(), connect()
    assert (len(waiting), list(waiting)) == (2, [first, second])


@pytest.mark.parametrize("ready", [False, True])
def test_after_the_end_nobody_takes(waiting, connect, ready):
    if ready:
        connect().client.send(b"x")
        waiting.note_arrivals()
        waiting.close()
    with ThreadPoolExecutor(3) as pool:
        taken = [pool.submit(waiting.take) for _ in range(3)]
        waiting.close()
        waiting.close()
        assert [future.result(5) for future in taken] == [None] * 3
