"""Where tokens of many workspaces are kept, encrypted, and looked up again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.sqlalchemy import (
    AsyncSQLAlchemyInstallationStore,
)
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from sqlalchemy import Column, MetaData, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.slack.web import SDK_LOG
from bot.errors import ConfigurationError, DeliveryLater

log = logging.getLogger(__name__)

LATER_SECONDS = 2.0
STATE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Owner:
    """Who installed the app: a workspace, or an organisation for all of its own."""

    team: str
    enterprise: str


class EncryptedStore(AsyncSQLAlchemyInstallationStore):
    """The SDK's store. Of the secrets it keeps the bot's token alone, encrypted."""

    def __init__(
        self, client_id: str, engine: AsyncEngine, keys: Sequence[str]
    ) -> None:
        super().__init__(client_id, engine, logger=SDK_LOG)
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise ConfigurationError(
                "setting 'slack.oauth.encryption_keys' must hold Fernet keys: 32 "
                "bytes in URL-safe base64"
            ) from error

    async def async_save(self, installation: Installation) -> None:
        """Keep an installation; tokens of people and web hooks are not ours to use."""
        token = installation.bot_token or ""
        installation.bot_token = self._fernet.encrypt(token.encode()).decode()
        installation.user_token = installation.user_refresh_token = None
        installation.bot_refresh_token = installation.incoming_webhook_url = None
        await super().async_save(installation)

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        """A bot with its token as it was."""
        bot = await super().async_find_bot(
            enterprise_id=enterprise_id,
            team_id=team_id,
            is_enterprise_install=is_enterprise_install,
        )
        if bot is not None:
            try:
                bot.bot_token = self._fernet.decrypt(bot.bot_token.encode()).decode()
            except InvalidToken as error:
                raise ConfigurationError(
                    "none of 'slack.oauth.encryption_keys' opens the stored tokens; "
                    "put the key back that was used when the app was installed"
                ) from error
        return bot


class Installations:
    """The database: installations, states of people who install, known workspaces.

    An organisation installs the app once for all of its workspaces; which are its own
    is only known from the events they send, so that is written down.
    """

    def __init__(self, url: str, client_id: str, keys: Sequence[str]) -> None:
        try:
            self._engine = create_async_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            raise ConfigurationError(
                f"setting 'slack.oauth.database_url' cannot be used: {error}"
            ) from error
        self.store = EncryptedStore(client_id, self._engine, keys)
        self.states = AsyncSQLAlchemyOAuthStateStore(
            expiration_seconds=STATE_SECONDS, engine=self._engine, logger=SDK_LOG
        )
        self._client_id = client_id
        self._metadata = MetaData()
        self._members = Table(
            "curbside_slack_workspaces",
            self._metadata,
            Column("team_id", String(32), primary_key=True),
            Column("enterprise_id", String(32), nullable=False),
        )

    async def open(self) -> None:
        """Make the tables that are missing."""
        try:
            for untyped in (cast(Any, self.store), cast(Any, self.states)):
                await untyped.create_tables()
            async with self._engine.begin() as connection:
                await connection.run_sync(self._metadata.create_all)
        except (SQLAlchemyError, OSError) as error:
            raise ConfigurationError(
                f"setting 'slack.oauth.database_url' cannot be used: {error}"
            ) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    async def find(self, owner: Owner) -> Bot | None:
        """The bot of a workspace: its own, or that of its organisation."""
        try:
            own = await self._own(owner.team)
            if own is not None:
                return await self.store.async_find_bot(
                    enterprise_id=own or None, team_id=owner.team
                )
            enterprise = owner.enterprise or await self._enterprise(owner.team)
            if not enterprise:
                return None
            found = await self.store.async_find_bot(
                enterprise_id=enterprise, team_id=None, is_enterprise_install=True
            )
            if found is not None and owner.team:
                await self._remember(owner.team, enterprise)
        except SQLAlchemyError as error:
            raise _away(error) from error
        return found

    async def owners(self) -> list[Owner]:
        """All workspaces that the app is in, as far as they are known."""
        bots = self.store.bots
        installed = select(bots.c.team_id, bots.c.enterprise_id).where(
            bots.c.client_id == self._client_id, bots.c.team_id.is_not(None)
        )
        try:
            async with self._engine.connect() as connection:
                rows = [*(await connection.execute(installed)).all()]
                rows += (await connection.execute(select(self._members))).all()
        except SQLAlchemyError as error:
            raise _away(error) from error
        return list({team: Owner(team, other or "") for team, other in rows}.values())

    async def remove(self, owner: Owner) -> list[str]:
        """Drop an installation; the workspaces that it was for.

        Where a workspace has none of its own, it is the organisation's that ended.
        """
        members = self._members
        try:
            own = await self._own(owner.team)
            if own is not None:
                enterprise, team, mine = (
                    own,
                    owner.team,
                    members.c.team_id == owner.team,
                )
            else:
                enterprise = owner.enterprise or await self._enterprise(owner.team)
                team, mine = "", members.c.enterprise_id == enterprise
            where = {"enterprise_id": enterprise or None, "team_id": team or None}
            await self.store.async_delete_bot(**where)
            await self.store.async_delete_installation(**where)
            async with self._engine.begin() as connection:
                known = select(members.c.team_id).where(mine)
                gone = set((await connection.execute(known)).scalars())
                await connection.execute(delete(members).where(mine))
        except SQLAlchemyError as error:
            raise _away(error) from error
        return sorted(gone | ({owner.team} if owner.team else set()))

    async def _own(self, team: str) -> str | None:
        """The organisation of a workspace that installed the app itself, "" for none;
        None when it did not."""
        bots = self.store.bots
        known = select(bots.c.enterprise_id).where(
            bots.c.client_id == self._client_id, bots.c.team_id == team
        )
        async with self._engine.connect() as connection:
            found = (await connection.execute(known)).first()
        return None if found is None else found[0] or ""

    async def _enterprise(self, team: str) -> str:
        members = self._members
        known = select(members.c.enterprise_id).where(members.c.team_id == team)
        async with self._engine.connect() as connection:
            return (await connection.execute(known)).scalar_one_or_none() or ""

    async def _remember(self, team: str, enterprise: str) -> None:
        row = insert(self._members).values(team_id=team, enterprise_id=enterprise)
        try:
            async with self._engine.begin() as connection:
                await connection.execute(row)
        except IntegrityError:
            log.debug("%s is known already", team)


def _away(error: SQLAlchemyError) -> DeliveryLater:
    return DeliveryLater(f"the installations cannot be read: {error}", LATER_SECONDS)
