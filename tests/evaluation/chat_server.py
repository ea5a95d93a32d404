"""A real HTTP server that answers chat completions, well or badly, as a test wishes."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from serpentune.datasets import get_encoding
from serpentune.datasets.completions import parse_prompt
from serpentune.game import State
from tests.evaluation.players import plan

PROMPT_TOKENS, COMPLETION_TOKENS = 100, 10


@dataclass(frozen=True)
class Reply:
    """What goes back; several parts are sent as they come, until the one who asked has had enough."""

    content: str | Callable[[], Iterator[bytes]]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0


def says(text: str | None, *, finish: str = "stop", usage: bool = True) -> Reply:
    body: dict[str, Any] = {
        "model": "snake-2",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
    }
    if usage:
        body["usage"] = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
    return Reply(json.dumps(body))


def state_of(prompt: str) -> State:
    found = parse_prompt(prompt)
    assert found is not None
    return get_encoding("grid").decode(found[1])


def plays_bfs(prompt: str, number: int) -> Reply:
    """BFS's moves to the apple, with more than moves around them; nothing where it gives up."""
    moves = plan("BFS")(state_of(prompt)).split()
    return says(f"The shortest way: {json.dumps({'moves': moves})}" if moves else "")


Replies = Callable[[str, int], Reply]
"""From a prompt, and how often that prompt was asked before, to what goes back."""


class ChatServer(ThreadingHTTPServer):
    """Answers by `replies`, which may be changed while it runs, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, replies: Replies) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies = replies
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.arrivals: list[float] = []
        self.asked: Counter[str] = Counter()
        self.busy = self.busiest = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone."""


@contextmanager
def serving(replies: Replies) -> Iterator[ChatServer]:
    with ChatServer(replies) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt, server = body["messages"][-1]["content"], self.server
        with server.lock:
            number = server.asked[prompt]
            server.asked[prompt] += 1
            server.bodies.append(body)
            server.headers.append({"path": self.path, **self.headers})
            server.arrivals.append(time.monotonic())
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
        try:
            self._send(server.replies(prompt, number))
        finally:
            with server.lock:
                server.busy -= 1

    def _send(self, reply: Reply) -> None:
        time.sleep(reply.wait)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if isinstance(reply.content, str):
            self.wfile.write(reply.content.encode())
            return
        for part in reply.content():
            self.wfile.write(part)
            self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Say nothing of requests."""
