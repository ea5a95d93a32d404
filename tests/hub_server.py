"""A hub on this machine: it answers over HTTP what `huggingface_hub` and `datasets` ask for, from memory.

It keeps one commit a repository and takes every file as a regular one. `python -m tests.hub_server` serves it
with the token `good`; the address is the first line that it prints.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "good"

ROOT = Path(__file__).parents[1]


def hub_environment(hub: str, home: Path, token: str | None) -> dict[str, str]:
    """The variables for a process that asks this hub, with nothing of ours in its home."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HF_ENDPOINT": hub, "HF_HOME": str(home)}
    variables |= {"HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"}
    variables |= {"HF_HUB_DISABLE_TELEMETRY": "1"}
    return variables | ({"HF_TOKEN": token} if token else {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"})


class Repository:
    def __init__(self, private: bool) -> None:
        self.private = private
        self.files: dict[str, bytes] = {}

    @property
    def commit(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()

    def about(self, name: str) -> dict[str, Any]:
        siblings = [{"rfilename": file} for file in sorted(self.files)]
        return {"_id": "0", "id": name, "sha": self.commit, "private": self.private, "tags": [], "siblings": siblings}

    def entry(self, file: str) -> dict[str, Any]:
        data = self.files[file]
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        return {"type": "file", "path": file, "size": len(data), "oid": oid}

    def below(self, folder: str) -> list[dict[str, Any]]:
        """All files and folders below a folder."""
        files = [file for file in sorted(self.files) if not folder or file.startswith(f"{folder}/")]
        folders = sorted({file.rsplit("/", 1)[0] for file in files if "/" in file} - {folder})
        return [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in folders] + [
            self.entry(file) for file in files
        ]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repositories: dict[tuple[str, str], Repository] = {}  # noqa: RUF012 - one hub for all connections

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        trusted = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if path == "/api/repos/create":
            self._create(json.loads(body), trusted)
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif found := re.fullmatch(r"/api/(datasets|models)/([^/]+/[^/]+)(?:/(\w[\w-]*)/([^/]+)(?:/(.*))?)?", path):
            repository = self._visible(found[1], found[2], trusted)
            if repository is not None:
                self._about(repository, found, body, trusted)
        elif found := re.fullmatch(r"(?:/(datasets))?/([^/]+/[^/]+)/resolve/([^/]+)/(.*)", path):
            repository = self._visible(found[1] or "models", found[2], trusted)
            if repository is not None:
                self._file(repository, found[4])
        else:
            self._json({"error": "unknown address"}, 404)

    def _create(self, wanted: dict[str, Any], trusted: bool) -> None:
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        kind = f"{wanted.get('type', 'model')}s"
        address = _address(kind, name)
        if not trusted:
            self._json({"error": "Invalid username or password."}, 401)
        elif (kind, name) in self.repositories:
            self._json({"error": "You already created this repo", "url": address}, 409)
        else:
            self.repositories[kind, name] = Repository(wanted.get("private") or wanted.get("visibility") == "private")
            self._json({"url": address})

    def _visible(self, kind: str, name: str, trusted: bool) -> Repository | None:
        """The repository; who may not see it hears what the hub says of one that isn't there."""
        repository = self.repositories.get((kind, name))
        if repository is None or (repository.private and not trusted):
            self._json({"error": "Repository not found"}, 404 if trusted else 401, {"X-Error-Code": "RepoNotFound"})
            return None
        return repository

    def _about(self, repository: Repository, found: re.Match[str], body: bytes, trusted: bool) -> None:
        kind, name, action, revision, rest = found.groups()
        if action in ("revision", "tree", "paths-info") and revision not in ("main", repository.commit):
            self._json({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
        elif action in (None, "revision"):
            self._json(repository.about(name))
        elif action == "tree":
            self._json(repository.below(rest or ""))
        elif action == "paths-info":
            wanted = json.loads(body)["paths"]
            self._json([entry for entry in repository.below("") if entry["path"] in wanted])
        elif not trusted:
            self._json({"error": "Forbidden"}, 403)
        elif action == "preupload":
            files = json.loads(body)["files"]
            self._json({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        elif action == "commit":
            for line in body.splitlines():
                step = json.loads(line)
                if step["key"] == "file":
                    repository.files[step["value"]["path"]] = base64.b64decode(step["value"]["content"])
            address = f"{_address(kind, name)}/commit/{repository.commit}"
            self._json({"commitUrl": address, "commitOid": repository.commit, "success": True})
        else:
            self._json({"error": f"unknown action {action}"}, 404)

    def _file(self, repository: Repository, file: str) -> None:
        if file not in repository.files:
            self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
            return
        data, status, about = repository.files[file], 200, {}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            status, about = 206, {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
            data = data[first : last + 1]
        oid = repository.entry(file)["oid"]
        self._send(data, status, {"ETag": f'"{oid}"', "X-Repo-Commit": repository.commit, **about})

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _address(kind: str, name: str) -> str:
    return f"/{name}" if kind == "models" else f"/{kind}/{name}"


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
