"""An image service of the tests, on a real port of this machine. What it does wrong stands in the prompt, or in `mood`.

It speaks OpenAI's images schema at /v1, a queue (submit, poll, result, image) at /queue, and ComfyUI's calls at /comfy.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from common.images import encode_png

KEY = "sk-secret-0123456789"
GATED_AFTER = 12

_RAW = {
    "cut off": b'{"data": [{"b64_json": "iVBORw0KG',
    "deep": b"[" * 9999 + b"]" * 9999,
    "key twice": b'{"data": [], "data": []}',
    "utf-16": '{"data": []}'.encode("utf-16"),
    "null": b"null",
}
"""Answers that say that they are JSON."""


def picture(text: str, seed: object, width: int = 32, height: int = 32) -> bytes:
    """A PNG that depends on the prompt and the seed alone."""
    digest = hashlib.sha256(f"{text}/{seed}".encode()).digest()
    rng = np.random.default_rng(list(digest))
    return encode_png(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


class Service(ThreadingHTTPServer):
    """`asked`: how often each prompt was. `bodies`: what was sent. `mood`: a fault of every answer.

    `gate`: when set, prompts "gate: N" pass after the first dozen requests too.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.mood = ""
        self.elsewhere = ""
        self.dripped = 0
        self.under_way = self.most_under_way = 0
        self.lock = threading.Lock()
        self.gate = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/queue/status/"):
            self._status(self.path.rsplit("/", 1)[1])
        elif self.path.startswith("/queue/result/"):
            job = self.server.jobs[self.path.rsplit("/", 1)[1]]
            self._json(
                {
                    "images": [{"url": self._image_address(job)}],
                    "seed": job["seed"],
                    "has_nsfw_concepts": ["nsfw" in job["prompt"]],
                }
            )
        elif self.path.startswith("/queue/image/"):
            self._image(self.server.jobs[self.path.rsplit("/", 1)[1]])
        elif self.path.startswith("/comfy/history/"):
            job = self.server.jobs[self.path.rsplit("/", 1)[1]]
            job["polls"] += 1
            place = {"filename": f"{job['id']} 1.png", "subfolder": "", "type": "output"}
            status = {"status_str": "error" if "crash" in job["prompt"] else "success"}
            whole = {job["id"]: {"outputs": {"9": {"images": [place]}}, "status": status}}
            self._json(whole if job["polls"] > 1 else {})
        elif self.path.startswith("/comfy/view?filename="):
            job = self.server.jobs[self.path.partition("=")[2].partition("%20")[0]]
            self._bytes(200, "image/png", picture(job["prompt"], job["seed"]))
        else:
            self._json({"error": {"message": "no such address"}}, 404)

    def do_POST(self) -> None:
        with self.server.lock:
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
        try:
            self._post()
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def _post(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        kind = self.headers["Content-Type"]
        body: Any = (
            json.loads(data) if kind == "application/json" else {"prompt": _field(data, "prompt"), "multipart": kind}
        )
        prompt = body["prompt"]["6"]["inputs"]["text"] if self.path == "/comfy/prompt" else body["prompt"]
        with server.lock:
            server.asked[prompt] += 1
            server.bodies.append(body)
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.headers["Authorization"] != f"Bearer {KEY}" and self.path != "/comfy/prompt":
            self._json({"error": {"message": f"wrong key {self.headers['Authorization']}", "code": "bad"}}, 401)
        elif self.path == "/comfy/prompt":
            job = self._job(prompt, body["prompt"]["3"]["inputs"]["seed"])
            self._json({"prompt_id": job["id"]})
        elif self.path == "/queue/submit":
            job = self._job(prompt, body.get("seed"))
            self._json({"id": job["id"], "polling_url": f"{server.address}/queue/status/{job['id']}"})
        else:
            self._openai(prompt, body)

    def _openai(self, prompt: str, body: dict[str, Any]) -> None:
        server, word = self.server, self.server.mood or prompt.partition(":")[0]
        seed = body.get("seed", time.monotonic_ns())
        if word == "wait":
            time.sleep(0.3)  # so that others come meanwhile
        if word == "busy once" and server.asked[prompt] == 1:
            self._json({"error": {"message": "slow down"}}, 429, {"Retry-After": "0.2"[:1]})
        elif word == "busy":
            self._json({"error": {"message": "slow down"}}, 429, {"Retry-After": "77"})
        elif word == "quota":
            self._json({"error": {"message": "pay", "code": "insufficient_quota"}}, 429)
        elif word == "unpaid":
            self._json({"error": {"message": "pay"}}, 402)
        elif word == "broken":
            self._json({"error": {"message": f"oh no, {self.headers['Authorization']}"}}, 500)
        elif word == "page":
            self._bytes(200, "text/html", b"<html>Sign in</html>")
        elif word == "page in base64":
            self._json({"data": [{"b64_json": base64.b64encode(b"<html>Sign in</html>").decode()}]})
        elif word == "not base64":
            self._json({"data": [{"b64_json": "%%%"}]})
        elif word == "empty":
            self._json({"data": []})
        elif word == "nothing":
            self._bytes(200, "application/json", b"")
        elif word == "nonsense":
            self._bytes(200, "application/json", b'{"data": [NaN]}')
        elif word in _RAW:
            self._bytes(200, "application/json", _RAW[word])
        elif word == "field":
            self._json({"detail": [{"loc": ["body", "size"], "msg": "size is missing", "type": "missing"}]}, 422)
        elif word == "years":
            self._json({"error": {"message": "later"}}, 429, {"Retry-After": "999999999"})
        elif word == "own file":
            self._json({"data": [{"url": "file:///etc/passwd"}]})
        elif word == "parrot":
            image = base64.b64encode(picture(prompt, seed)).decode()
            self._json({"data": [{"b64_json": image}], "model": self.headers["Authorization"]})
        elif word == "four":
            self._json({"data": [{"b64_json": base64.b64encode(picture(prompt, seed)).decode()}] * 4})
        elif word == "slow head":
            self._drip(b"HTTP/1.1 200 OK\r\n", b"X-Still: here\r\n")
        elif word == "moderation":
            self._json({"error": {"message": "not this", "code": "moderation_blocked"}}, 400)
        elif word == "bad size":
            self._json({"error": {"message": "size?"}}, 400)
        elif word == "half":
            whole = json.dumps({"data": [{"b64_json": base64.b64encode(picture(prompt, seed)).decode()}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(whole[: len(whole) // 2])
            self.close_connection = True
        elif word == "half image":
            self._json({"data": [{"b64_json": base64.b64encode(picture(prompt, seed)[:-900]).decode()}]})
        elif word == "redirect":
            self._bytes(307, "text/plain", b"", {"Location": "http://elsewhere.example/v1"})
        elif word == "endless":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(b" " * 65536)
            except OSError:
                pass
        elif word == "slow":
            time.sleep(2.0)
            self.close_connection = True
        elif word == "drip":
            self._drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" ")
        else:
            width, height = map(int, body.get("size", "32x32").split("x"))
            seed = 0 if word == "deaf" else time.monotonic_ns() if word == "moody" else seed
            if word == "other size":
                width += 16
            if word == "gate" and server.asked.total() > GATED_AFTER:
                server.gate.wait(120)
            image = base64.b64encode(picture(prompt, seed, width, height)).decode()
            usage = {"input_tokens": 20, "output_tokens": 1000}
            self._json({"data": [{"b64_json": image}], "model": "painter-2026-11-01", "usage": usage})

    def _drip(self, first: bytes, then: bytes) -> None:
        """Something every tenth of a second, until nobody listens: no read takes long. `dripped`: how often."""
        self.close_connection = True
        try:
            self.wfile.write(first)
            for _ in range(300):
                self.wfile.write(then)
                self.wfile.flush()
                self.server.dripped += 1
                time.sleep(0.1)
        except OSError:
            pass

    def _job(self, prompt: str, seed: object) -> dict[str, Any]:
        identity = hashlib.sha256(f"{prompt}{seed}".encode()).hexdigest()[:12]
        job = {"id": identity, "prompt": prompt, "seed": seed, "polls": 0}
        self.server.jobs[identity] = job
        return job

    def _status(self, identity: str) -> None:
        job = self.server.jobs[identity]
        job["polls"] += 1
        word = job["prompt"].partition(":")[0]
        if job["polls"] == 1:
            self._json({"status": "Pending"})
        elif job["polls"] == 2:
            self._json({"error": "too many questions"}, 429)
        elif word == "refused":
            self._json({"status": "Request Moderated"})
        elif word == "filtered":
            self._json({"status": "Content Moderated"})
        elif word == "lost":
            self._json({"detail": "Task not found"}, 404)
        elif word == "for ever":
            self._json({"status": "Pending"})
        elif word == "odd word":
            self._json({"status": "On holiday"})
        else:
            self._json({"status": "Ready", "result": {"sample": self._image_address(job)}})

    def _image_address(self, job: dict[str, Any]) -> str:
        word = job["prompt"].partition(":")[0]
        at_host = {"other host": "http://elsewhere.example", "clouds": "http://169.254.169.254"}
        return f"{at_host.get(word, self.server.address)}/queue/image/{job['id']}"

    def _image(self, job: dict[str, Any]) -> None:
        word = job["prompt"].partition(":")[0]
        data = picture(job["prompt"], job["seed"])
        if word == "gone":
            self._bytes(404, "text/plain", b"gone")
        elif word == "page":
            self._bytes(200, "text/html", b"<html></html>")
        elif word == "moved":
            self._bytes(302, "text/plain", b"", {"Location": "http://elsewhere.example/x.png"})
        elif word == "half":
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:100])
            self.close_connection = True
        else:
            self._bytes(200, "image/png", data)

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._bytes(status, "application/json", json.dumps(value).encode(), headers)

    def _bytes(self, status: int, kind: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _field(data: bytes, name: str) -> str:
    """A field of a multipart body."""
    return data.partition(f'name="{name}"'.encode())[2].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0].decode()
