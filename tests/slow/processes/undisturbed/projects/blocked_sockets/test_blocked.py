import asyncio
import socket
import urllib.request


def test_a_socket():
    socket.socket(socket.AF_INET)


def test_a_connection():
    socket.create_connection(("127.0.0.1", 9))


def test_a_request():
    urllib.request.urlopen("http://127.0.0.1:9/")


def test_an_event_loop():
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"
