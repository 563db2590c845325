"""Who and what there is: users, user groups, channels, members, the team."""

from dataclasses import dataclass, field

from .access import Access
from .arguments import Arguments, page
from .payloads import KINDS, Payloads
from .workspace import JSON, Channel, SlackError, Workspace

TYPES = ("public_channel", "private_channel", "im", "mpim")


@dataclass
class Directory:
    """users.*, usergroups.*, conversations.list and the like: what only looks."""

    workspace: Workspace
    payloads: Payloads
    groups: dict[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.access = Access(self.workspace)

    def auth_test(self, arguments: Arguments) -> JSON:
        bot = self.workspace.bot
        return {
            "url": "https://local.slack.test/",
            "team": self.workspace.team_name,
            "user": bot.name,
            "team_id": self.workspace.team_id,
            "user_id": bot.id,
            "bot_id": bot.bot_id,
            "is_enterprise_install": False,
        }

    def conversations_info(self, arguments: Arguments) -> JSON:
        channel = self.access.visible(arguments)
        view = self.payloads.channel(channel)
        if channel.kind != "im":
            view["is_member"] = self.workspace.bot.id in channel.members
        if arguments.flag("include_num_members"):
            view["num_members"] = len(channel.members)
        return {"channel": view}

    def conversations_members(self, arguments: Arguments) -> JSON:
        channel = self.access.visible(arguments)
        items, cursor = page(sorted(channel.members), arguments, 100)
        return {"members": items, "response_metadata": {"next_cursor": cursor}}

    def conversations_list(self, arguments: Arguments) -> JSON:
        bot = self.workspace.bot.id
        found = [
            c
            for c in self._channels(arguments)
            if c.kind == "channel" or bot in c.members
        ]
        return self._page(found, arguments)

    def users_conversations(self, arguments: Arguments) -> JSON:
        who = arguments.text("user") or self.workspace.bot.id
        found = [c for c in self._channels(arguments) if who in c.members]
        return self._page(found, arguments)

    def conversations_open(self, arguments: Arguments) -> JSON:
        names = arguments.required("users", "users_list_not_supplied").split(",")
        people = [self.workspace.user(name).id for name in names]
        return {"channel": {"id": self.workspace.direct(people).id}}

    def users_info(self, arguments: Arguments) -> JSON:
        user = self.workspace.user(arguments.required("user", "user_not_found"))
        shown = {"locale": user.locale} if arguments.flag("include_locale") else {}
        return {"user": self.payloads.user(user) | shown}

    def users_list(self, arguments: Arguments) -> JSON:
        found = [self.payloads.user(user) for user in self.workspace.users.values()]
        items, cursor = page(found, arguments, 100)
        return {"members": items, "response_metadata": {"next_cursor": cursor}}

    def usergroups_list(self, arguments: Arguments) -> JSON:
        hidden = () if arguments.flag("include_users") else ("users",)
        views = [
            {key: value for key, value in group.items() if key not in hidden}
            for group in self.groups.values()
        ]
        return {"usergroups": views}

    def usergroups_users_list(self, arguments: Arguments) -> JSON:
        group = self.groups.get(arguments.required("usergroup"))
        if group is None:
            raise SlackError("no_such_subteam")
        return {"users": group["users"]}

    def add_group(self, handle: str, users: list[str]) -> str:
        id_ = self.workspace.new_id("S")
        self.groups[id_] = {
            "id": id_,
            "team_id": self.workspace.team_id,
            "is_usergroup": True,
            "name": handle.title(),
            "handle": handle,
            "description": "",
            "users": users,
            "user_count": len(users),
        }
        return id_

    def bots_info(self, arguments: Arguments) -> JSON:
        wanted = arguments.required("bot", "bot_not_found")
        for user in self.workspace.users.values():
            if user.bot_id == wanted:
                profile = self.payloads.bot_profile(user)
                return {"bot": profile | {"user_id": user.id}}
        raise SlackError("bot_not_found")

    def team_info(self, arguments: Arguments) -> JSON:
        name, id_ = self.workspace.team_name, self.workspace.team_id
        return {"team": {"id": id_, "name": name, "domain": "local"}}

    def _channels(self, arguments: Arguments) -> list[Channel]:
        wanted = arguments.text("types", "public_channel").split(",")
        kinds = {
            kind for kind, name in zip(KINDS, TYPES, strict=True) if name in wanted
        }
        hidden = arguments.flag("exclude_archived")
        return [
            channel
            for channel in self.workspace.channels.values()
            if channel.kind in kinds and not (channel.archived and hidden)
        ]

    def _page(self, found: list[Channel], arguments: Arguments) -> JSON:
        views = [self.payloads.channel(channel) for channel in found]
        items, cursor = page(views, arguments, 100)
        return {"channels": items, "response_metadata": {"next_cursor": cursor}}
