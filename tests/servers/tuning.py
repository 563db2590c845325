"""A local vendor of fine-tuning: files, jobs with events, checkpoints and results.

    vendor = TuningServer()
    await vendor.start()
    vendor.fail_after_create = 1      # the next job is created, and the answer is 500
    vendor.closed = True              # no new jobs, as after the end of self-service

A job takes one step at each look: validating_files, queued (`queue` times), running,
succeeded. Shapes follow those of the openai SDK.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

JSON = dict[str, Any]
STEPS = 3


@dataclass
class TuningServer:
    """Keeps what is uploaded and created; looks at it are the test's."""

    queue: int = 1
    closed: bool = False
    fail_after_create: int = 0
    drop_after_create: int = 0
    outages: int = 0
    """So many of the next looks at jobs are answered with 503."""
    refuses: str = ""
    """The reason by which the next jobs fail."""
    files: dict[str, JSON] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, JSON] = field(default_factory=dict)
    events: dict[str, list[JSON]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    _count: int = 0

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; `base_url` is known then."""
        app = web.Application(client_max_size=64 * 2**20, middlewares=[self._note])
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files", self._list_files)
        app.router.add_delete("/v1/files/{id}", self._delete_file)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/fine_tuning/jobs", self._create)
        app.router.add_get("/v1/fine_tuning/jobs", self._list_jobs)
        app.router.add_get("/v1/fine_tuning/jobs/{id}", self._job)
        app.router.add_post("/v1/fine_tuning/jobs/{id}/cancel", self._cancel)
        app.router.add_get("/v1/fine_tuning/jobs/{id}/events", self._events)
        app.router.add_get("/v1/fine_tuning/jobs/{id}/checkpoints", self._checkpoints)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{port}/v1"

    async def stop(self) -> None:
        """Give the port back."""
        if self._runner is not None:
            await self._runner.cleanup()

    def uploaded(self, name: str) -> list[JSON]:
        """The lines of the uploaded file whose name holds `name`, the newest."""
        ids = [id for id, file in self.files.items() if name in file["filename"]]
        text = self.contents[ids[-1]].decode()
        return [json.loads(line) for line in text.splitlines()]

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") == "Bearer wrong":
            return error(401, "Incorrect API key provided.", "invalid_api_key")
        response: web.StreamResponse = await handler(request)
        return response

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count:06}"

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        content = file.file.read()
        try:
            for line in content.decode().splitlines():
                json.loads(line)
        except ValueError:
            return error(400, "Invalid file format.", "invalid_file")
        id = self._id("file")
        self.contents[id] = content
        self.files[id] = {
            "id": id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": file.filename,
            "purpose": form["purpose"],
            "status": "processed",
        }
        return web.json_response(self.files[id])

    async def _list_files(self, request: web.Request) -> web.Response:
        return page(list(self.files.values()), request)

    async def _delete_file(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        if self.files.pop(id, None) is None:
            return error(404, f"No such File object: {id}", None)
        return web.json_response({"id": id, "object": "file", "deleted": True})

    async def _content(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        if id not in self.contents:
            return error(404, f"No such File object: {id}", None)
        return web.Response(body=self.contents[id])

    async def _create(self, request: web.Request) -> web.Response:
        if self.closed:
            said = "Fine-tuning is no longer available for this organization."
            return error(403, said, "fine_tuning_unavailable")
        given = await request.json()
        if given["training_file"] not in self.files:
            said = f"The training file {given['training_file']} does not exist."
            return error(400, said, "invalid_training_file")
        lines = self.contents[given["training_file"]].decode().splitlines()
        if len(lines) < 10:
            return error(400, f"File has {len(lines)} examples; 10 are needed.", None)
        id = self._id("ftjob")
        self.jobs[id] = {
            "id": id,
            "object": "fine_tuning.job",
            "created_at": int(time.time()),
            "model": given["model"],
            "training_file": given["training_file"],
            "validation_file": given.get("validation_file"),
            "method": given.get("method"),
            "metadata": given.get("metadata"),
            "seed": given.get("seed", 0),
            "hyperparameters": {},
            "organization_id": "org-1",
            "status": "validating_files",
            "fine_tuned_model": None,
            "trained_tokens": None,
            "result_files": [],
            "error": None,
            "_queue": self.queue,
            "_step": 0,
            "_suffix": given.get("suffix") or "model",
        }
        self.events[id] = []
        self._event(id, f"Created fine-tuning job: {id}")
        if self.fail_after_create:
            self.fail_after_create -= 1
            return error(500, "The server had an error.", "server_error")
        if self.drop_after_create:
            self.drop_after_create -= 1
            assert request.transport is not None
            request.transport.close()
            await asyncio.sleep(0.05)
        return web.json_response(shown(self.jobs[id]))

    async def _list_jobs(self, request: web.Request) -> web.Response:
        return page([shown(job) for job in reversed(self.jobs.values())], request)

    async def _job(self, request: web.Request) -> web.Response:
        if self.outages:
            self.outages -= 1
            return error(503, "Overloaded.", None)
        job = self.jobs.get(request.match_info["id"])
        if job is None:
            said = f"Could not find fine tune: {request.match_info['id']}"
            return error(404, said, "fine_tune_not_found")
        self._advance(job)
        return web.json_response(shown(job))

    def _advance(self, job: JSON) -> None:
        if job["status"] == "validating_files":
            job["status"] = "queued"
        elif job["status"] == "queued" and job["_queue"] > 0:
            job["_queue"] -= 1
        elif job["status"] == "queued" and self.refuses:
            job["status"] = "failed"
            job["error"] = {"code": "x", "message": self.refuses, "param": None}
        elif job["status"] == "queued":
            job["status"] = "running"
        elif job["status"] == "running":
            job["_step"] += 1
            loss = 2.0 / job["_step"]
            data = {
                "step": job["_step"],
                "total_steps": STEPS,
                "train_loss": loss,
                "valid_loss": loss + 0.1,
            }
            self._event(job["id"], f"Step {job['_step']}/{STEPS}", data)
            if job["_step"] == STEPS:
                self._succeed(job)

    def _succeed(self, job: JSON) -> None:
        result = self._id("file")
        self.contents[result] = b"step,train_loss\n1,2.0\n"
        training = self.contents[job["training_file"]]
        name = f"ft:{job['model']}:org:{job['_suffix']}:{job['id'][-6:]}"
        job |= {
            "status": "succeeded",
            "fine_tuned_model": name,
            "trained_tokens": len(training) // 4,
            "result_files": [result],
        }
        self._event(job["id"], "The job has successfully completed")

    def _event(self, job: str, message: str, data: JSON | None = None) -> None:
        self.events[job].append(
            {
                "id": self._id("ftevent"),
                "object": "fine_tuning.job.event",
                "created_at": int(time.time()),
                "level": "info",
                "message": message,
                "type": "metrics" if data else "message",
                "data": data or {},
            }
        )

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        job["status"] = "cancelled"
        return web.json_response(shown(job))

    async def _events(self, request: web.Request) -> web.Response:
        events = self.events.get(request.match_info["id"], [])
        return page(list(reversed(events)), request)

    async def _checkpoints(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        point = {
            "id": f"ftckpt-{job['id']}",
            "object": "fine_tuning.job.checkpoint",
            "created_at": int(time.time()),
            "fine_tuned_model_checkpoint": f"{job['fine_tuned_model']}:ckpt-step-3",
            "fine_tuning_job_id": job["id"],
            "step_number": STEPS,
            "metrics": {"step": STEPS, "train_loss": 0.7, "valid_loss": 0.8},
        }
        return page([point], request)


def shown(job: JSON) -> JSON:
    """A job without what the server keeps for itself."""
    return {key: value for key, value in job.items() if not key.startswith("_")}


def page(items: list[JSON], request: web.Request) -> web.Response:
    """A page of a list, as cursors ask for it."""
    limit, after = int(request.query.get("limit", 20)), request.query.get("after")
    ids = [item["id"] for item in items]
    start = ids.index(after) + 1 if after in ids else 0
    found = items[start : start + limit]
    return web.json_response(
        {
            "object": "list",
            "data": found,
            "has_more": start + limit < len(items),
            "first_id": found[0]["id"] if found else None,
            "last_id": found[-1]["id"] if found else None,
        }
    )


def error(status: int, message: str, code: str | None) -> web.Response:
    """An error as the SDK reads it."""
    body = {"message": message, "type": "error", "param": None, "code": code}
    return web.json_response({"error": body}, status=status)
