"""Which addresses are called: public ones only, the very address that was checked, or the operator's proxy."""

import json
import socket
import ssl
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from config import ROOT
from taskapp.tasks.webhooks.delivery.calls import call
from tests.support.certificates import make_certificate
from tests.support.receivers import Receiver
from tests.support.tunnel import TunnelProxy

pytestmark = pytest.mark.slow

SECRET = b"s" * 32
# In the range of global unicast, but given back by the 6bone and routed nowhere.
PUBLIC = "3ffe::1"
HOST = "receiver.example"

REFUSED = [
    "127.0.0.1",
    "127.255.255.254",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0.0.0.0",  # noqa: S104 # No listener.
    "0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[100::1]",
    "[2001::7f00:1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[3fff::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "localhost",
]


def send(url, *, allow_private=False):
    return call(url, [SECRET], "wh_1_1_1", b"{}", allow_private=allow_private)


@pytest.mark.parametrize("host", REFUSED)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_private_addresses_are_refused(scheme, host):
    assert send(f"{scheme}://{host}:8443/")[:2] == (None, "address")


def test_private_addresses_are_called_only_if_the_setting_allows_it(receiver):
    assert send(receiver.url)[:2] == (None, "address")
    assert receiver.received == []
    assert send(receiver.url, allow_private=True).status == 204
    assert receiver.ids == ["wh_1_1_1"]


def test_urls_that_lead_nowhere():
    assert send("https://does-not-exist.invalid/")[:2] == (None, "name")
    for url in (
        "https://",
        f"https://{'x' * 64}.example/",
        "https://[",
        "https://①②⑦.⓪.⓪.①/",
        "ftp://x",
        "https://x:1x/",
    ):
        assert send(url).status is None


# Answers for one name, as a server of names does that somebody else runs: other ones each time.
ANSWERS = """
import json, socket, sys
from taskapp.tasks.webhooks.delivery.calls import call

real, answers, asked = socket.getaddrinfo, json.loads(sys.argv[1]), []

def answer(host, *arguments, **options):
    if host != "rebinding.example":
        return real(host, *arguments, **options)
    asked.append(host)
    return [found for each in answers[min(len(asked), len(answers)) - 1] for found in real(each, *arguments, **options)]

socket.getaddrinfo = answer
outcome = call(sys.argv[2], [b"s" * 32], "wh_1_1_1", b"{}", allow_private=sys.argv[3] == "private")
print(json.dumps([outcome.status, outcome.reason, len(asked)]))
"""


def resolve(answers, port, *, allow="public"):
    """Call a name whose addresses are the first of these lists at the first question, and so on."""
    command = [sys.executable, "-c", ANSWERS, json.dumps(answers), f"http://rebinding.example:{port}/", allow]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def port_of(receiver):
    return urlsplit(receiver.url).port


@pytest.mark.parametrize("answers", [[["127.0.0.1"]], [["::1"]], [["127.0.0.1", PUBLIC]], [["169.254.169.254"]]])
def test_name_that_resolves_to_a_private_address(receiver, answers):
    assert resolve(answers, port_of(receiver)) == [None, "address", 1]
    assert receiver.received == []


def test_name_that_resolves_to_another_address_the_second_time(receiver):
    """The address that was checked is the one that is called. There is no second question."""
    status, reason, asked = resolve([[PUBLIC], ["127.0.0.1"]], port_of(receiver))
    assert (status, reason in {"connection", "timeout"}, asked) == (None, True, 1)
    assert receiver.received == []
    # The receiver is there: without the check, the answers lead to it.
    assert resolve([["127.0.0.1"]], port_of(receiver), allow="private")[0] == 204


def test_no_credentials_of_the_host_are_sent(receiver, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert send(receiver.url, allow_private=True).status == 204
    (received,) = receiver.received
    assert "authorization" not in received.headers
    assert "cookie" not in received.headers


class TLSReceiver(Receiver):
    """A receiver with a certificate."""

    def __init__(self, folder, host):
        super().__init__()
        self.certificate, self._key = make_certificate(folder, host)
        self._host = host

    def __enter__(self):
        super().__enter__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self._key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        return self


def test_certificates_are_verified(tmp_path, monkeypatch):
    with TLSReceiver(tmp_path, "localhost") as receiver:
        url = f"https://localhost:{receiver.port}/"
        assert send(url, allow_private=True)[:2] == (None, "tls")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(receiver.certificate))
        assert send(url, allow_private=True).status == 204
        assert send(f"https://127.0.0.1:{receiver.port}/", allow_private=True)[:2] == (None, "tls")
    assert len(receiver.received) == 1


@pytest.fixture
def public_name(monkeypatch):
    """A name with a public address."""
    real = socket.getaddrinfo
    answer = lambda host, *rest, **options: real(PUBLIC if host == HOST else host, *rest, **options)  # noqa: E731
    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return HOST


def test_proxy_of_the_operator_gets_the_checked_address_and_the_receiver_its_name(public_name, tmp_path, monkeypatch):
    with TLSReceiver(tmp_path, public_name) as receiver, TunnelProxy(receiver.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(receiver.certificate))
        assert send(f"https://{public_name}:8443/hook").status == 204
        (received,) = receiver.received
        assert received.headers["host"] == f"{public_name}:8443"
        (line,) = proxy.requests
        assert PUBLIC in line
        assert send("https://10.0.0.1:8443/")[:2] == (None, "address")
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("name", ["other.example", "localhost", "example"])
def test_certificate_of_another_name(public_name, tmp_path, monkeypatch, name):
    """Though the connection goes to an address, and one context is for all names."""
    with TLSReceiver(tmp_path, name) as receiver, TunnelProxy(receiver.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(receiver.certificate))
        assert send(f"https://{public_name}:8443/")[:2] == (None, "tls")
        assert send(f"https://localhost:{receiver.port}/", allow_private=True).status == {"localhost": 204}.get(name)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        assert send(f"https://localhost:{receiver.port}/", allow_private=True)[:2] == (None, "tls")
    assert len(receiver.received) == (name == "localhost")


def test_nothing_that_a_user_chose_is_logged(receiver, caplog, capfd):
    for host in ("127.0.0.1", "secret-name.invalid", "localhost"):
        send(f"https://{host}:8443/secret-path")
    receiver.responses = [lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nsecret header\r\n\r\n")]
    send(f"{receiver.url}/secret-path", allow_private=True)
    assert caplog.text == ""
    assert capfd.readouterr().err == ""
