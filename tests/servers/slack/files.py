"""Files that people attach: files.info, and the download that wants a token."""

from dataclasses import dataclass, field

from aiohttp import web

from .arguments import Arguments, page
from .workspace import JSON, SlackError, Workspace

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head></html>"


@dataclass
class File:
    """A file as the workspace keeps it."""

    id: str
    name: str
    media_type: str
    content: bytes
    user: str
    channels: list[str] = field(default_factory=list)


@dataclass
class Files:
    """files.* and /files-pri; `url` is where the server is."""

    workspace: Workspace
    url: str = ""
    files: dict[str, File] = field(default_factory=dict)

    def add(self, user: str, name: str, content: bytes, media_type: str) -> File:
        file = File(self.workspace.new_id("F"), name, media_type, content, user)
        self.files[file.id] = file
        return file

    def view(self, file: File) -> JSON:
        """A file inside a message, or as files.info shows it."""
        kind = file.name.rpartition(".")[2] if "." in file.name else "text"
        path = f"{self.url}/files-pri/{self.workspace.team_id}-{file.id}"
        return {
            "id": file.id,
            "created": 1,
            "timestamp": 1,
            "name": file.name,
            "title": file.name,
            "mimetype": file.media_type,
            "filetype": kind,
            "pretty_type": kind.upper(),
            "user": file.user,
            "user_team": self.workspace.team_id,
            "mode": "hosted",
            "editable": False,
            "size": len(file.content),
            "is_external": False,
            "external_type": "",
            "is_public": False,
            "file_access": "visible",
            "url_private": f"{path}/{file.name}",
            "url_private_download": f"{path}/download/{file.name}",
            "permalink": f"https://local.slack.test/files/{file.id}",
        }

    def files_info(self, arguments: Arguments) -> JSON:
        file = self.files.get(arguments.required("file", "file_not_found"))
        if file is None:
            raise SlackError("file_not_found")
        view = self.view(file) | {"channels": file.channels}
        return {"file": view, "comments": []}

    def files_list(self, arguments: Arguments) -> JSON:
        found = [self.view(file) for file in self.files.values()]
        items, _ = page(found, arguments, 100)
        return {"files": items}

    def serve(self, file_id: str, allowed: bool) -> web.Response:
        """Its bytes; without the right token the page for signing in, with a 200."""
        if not allowed:
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        file = self.files.get(file_id)
        if file is None:
            return web.Response(status=404)
        return web.Response(body=file.content, content_type=file.media_type)
