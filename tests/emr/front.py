"""A door before the local AWS server: it notes what is asked for, and can answer itself what AWS has documented."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}


@dataclass(frozen=True)
class Request:
    """What was asked for; `what` is the method and path, or EMR's own name of the operation."""

    what: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """AWS's answer to requests whose `what` contains these words; `cut` ends the connection after so many bytes."""

    words: str
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Front:
    """The door: its address, what was asked, and what it answers itself."""

    server: str
    address: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def says(self, words: str, values: dict) -> None:
        """Answer what contains these words with JSON."""
        self.answers.append(Answer(words, 200, json.dumps(values).encode()))

    def refuses(self, words: str, code: str, message: str, status: int = 400) -> None:
        """Answer as AWS's JSON services refuse: a type and a message."""
        body = json.dumps({"__type": code, "message": message}).encode()
        self.answers.append(Answer(words, status, body, {"x-amzn-errortype": code}))

    def refuses_on_s3(self, words: str, code: str, message: str, status: int) -> None:
        """Answer as S3 refuses: XML."""
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.answers.append(Answer(words, status, body, {"content-type": "application/xml"}))

    def asked(self, words: str) -> list[Request]:
        """What was asked for with these words in it."""
        return [request for request in self.requests if words in request.what]


@contextmanager
def running_front(server: str) -> Iterator[Front]:
    """A door before the server at this address, closed at the block's end."""
    front = Front(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            what = self.headers.get("x-amz-target") or f"{self.command} {self.path}"
            front.requests.append(Request(what, {k.lower(): v for k, v in self.headers.items()}, body))
            own = next((answer for answer in front.answers if answer.words in what), None)
            self.reply(own or forwarded(front.server, self.command, self.path, dict(self.headers), body))

        def reply(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name in answer.headers}:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: answer.cut])
            self.close_connection = answer.cut is not None

        def log_message(self, *_: object) -> None:
            """Nothing: pytest's output is for its own."""

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        front.address = f"http://127.0.0.1:{listening.server_port}"
        yield front
        listening.shutdown()


def forwarded(server: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    """What the server behind answers."""
    connection = http.client.HTTPConnection(server.removeprefix("http://"))
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
    if method == "HEAD":
        kept["content-length"] = answer.getheader("content-length") or "0"
    connection.close()
    return Answer("", answer.status, content, kept)
