"""The human at the other end of a Matrix room, played by matrix-nio.

Takes one order a line on standard input, as JSON, and answers each with one line of JSON. What the
server cannot take at the moment is tried until it does, under the same transaction id.
"""

import asyncio
import json
import sys
import time
import uuid
from urllib.parse import quote

import aiohttp
import nio

# How long the server may be away, in seconds.
PATIENCE = 120
TRANSIENT = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


class Human:
    def __init__(self, homeserver, user, password):
        self.homeserver, self.user, self.password = homeserver, user, password
        config = nio.AsyncClientConfig(max_timeouts=0, request_timeout=20)
        self.client = nio.AsyncClient(homeserver, user, config=config)
        self.room = None
        self.heard = {}
        self.listening = None

    async def until(self, expected, request):
        """Makes a request until the answer is of the expected kind; other answers are failures."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = await request()
            except TRANSIENT:
                await asyncio.sleep(0.1)
                continue
            if isinstance(answer, expected):
                return answer
            status = getattr(answer, "transport_response", None)
            if status is not None and status.status < 500:
                raise RuntimeError(f"{type(answer).__name__}: {answer}")
            await asyncio.sleep(0.1)
        raise RuntimeError(f"no {expected.__name__} in {PATIENCE} s")

    async def log_in(self):
        login = lambda: self.client.login(self.password, device_name="human")
        await self.until(nio.LoginResponse, login)
        return {"user": self.client.user_id}

    async def token_of(self, user, password):
        """Logs another user in, and returns its token."""
        other = nio.AsyncClient(self.homeserver, user)
        login = lambda: other.login(password, device_name="fleet")
        answer = await self.until(nio.LoginResponse, login)
        await other.close()
        return {"token": answer.access_token}

    async def make_room(self, invite, encrypted=False, alias=None):
        encryption = {
            "type": "m.room.encryption",
            "state_key": "",
            "content": {"algorithm": "m.megolm.v1.aes-sha2"},
        }
        create = lambda: self.client.room_create(
            alias=alias,
            preset=nio.RoomPreset.private_chat,
            # Everybody may call the whole room, so that who does not has chosen not to.
            power_level_override={"notifications": {"room": 0}},
            invite=invite,
            initial_state=[encryption] if encrypted else [],
        )
        answer = await self.until(nio.RoomCreateResponse, create)
        self.room = answer.room_id
        return {"room": self.room}

    async def upgrade(self, invite):
        """Lets another room take the place of this one, and goes there."""
        path = f"/_matrix/client/v3/rooms/{quote(self.room)}/upgrade"
        authorization = {"Authorization": f"Bearer {self.client.access_token}"}
        async with aiohttp.ClientSession(self.homeserver, headers=authorization) as session:
            async with session.post(path, json={"new_version": "11"}) as answer:
                answer.raise_for_status()
                self.room = (await answer.json())["replacement_room"]
        for user in invite:
            await self.invite(user)
        return {"room": self.room}

    async def enter(self, room):
        """Goes to a room that it is invited to."""
        await self.until(nio.JoinResponse, lambda: self.client.join(room))
        self.room = room
        return {}

    async def invite(self, user):
        await self.until(nio.RoomInviteResponse, lambda: self.client.room_invite(self.room, user))
        return {}

    async def members(self, room):
        read = lambda: self.client.joined_members(room)
        answer = await self.until(nio.JoinedMembersResponse, read)
        return {"members": [member.user_id for member in answer.members]}

    async def log_out(self, token):
        """Withdraws a token of somebody else's."""
        other = nio.AsyncClient(self.homeserver)
        other.access_token = token
        await self.until(nio.LogoutResponse, lambda: other.logout())
        await other.close()
        return {}

    async def kick(self, user):
        await self.until(nio.RoomKickResponse, lambda: self.client.room_kick(self.room, user))
        return {}

    async def put(self, content):
        transaction = str(uuid.uuid4())
        send = lambda: self.client.room_send(
            self.room, "m.room.message", content, tx_id=transaction
        )
        answer = await self.until(nio.RoomSendResponse, send)
        return {"id": answer.event_id}

    async def say(self, text, thread=None, reply_to=None):
        content = {"msgtype": "m.text", "body": text}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        elif reply_to:
            content["body"] = f"> <{self.user}> what was quoted\n\n{text}"
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return await self.put(content)

    async def edit(self, id, text):
        new = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": id}
        old = {"msgtype": "m.text", "body": f"* {text}"}
        return await self.put(old | {"m.new_content": new, "m.relates_to": relation})

    async def redact(self, id):
        await self.until(
            nio.RoomRedactResponse, lambda: self.client.room_redact(self.room, id)
        )
        return {}

    async def attach(self, name, media_type, content):
        data = content.encode()

        async def upload():
            answer, _ = await self.client.upload(
                lambda _timeouts, _limits: data,
                content_type=media_type,
                filename=name,
                filesize=len(data),
            )
            return answer

        uploaded = await self.until(nio.UploadResponse, upload)
        info = {"mimetype": media_type, "size": len(data)}
        file = {"msgtype": "m.file", "body": name, "url": uploaded.content_uri, "info": info}
        return await self.put(file)

    async def download(self, url):
        answer = await self.until(
            nio.DownloadResponse, lambda: self.client.download(mxc=url)
        )
        return {"name": answer.filename, "text": answer.body.decode()}

    async def history(self):
        """Reads the whole room, oldest first, as the server has it."""
        events, at = [], ""
        while True:
            read = lambda: self.client.room_messages(self.room, at, limit=500)
            page = await self.until(nio.RoomMessagesResponse, read)
            events += [event.source for event in page.chunk]
            if not page.end or not page.chunk:
                break
            at = page.end
        said = [event for event in reversed(events) if event["type"] == "m.room.message"]
        keys = ("event_id", "sender", "content")
        return {"events": [{key: event[key] for key in keys} for event in said]}

    async def highlights(self):
        """Returns how many messages of the room called this human by name."""
        client = self.client
        answer = await self.until(nio.SyncResponse, lambda: client.sync(0, full_state=True))
        unread = answer.rooms.join[self.room].unread_notifications
        return {"highlights": unread.highlight_count if unread else 0}

    async def listen(self):
        """Takes down when each message comes, until the end."""
        started = asyncio.Event()

        async def run():
            since = None
            while True:
                poll = lambda: self.client.sync(30000 if since else 0, since=since)
                answer = await self.until(nio.SyncResponse, poll)
                at = time.time_ns()
                joined = answer.rooms.join.get(self.room)
                for event in joined.timeline.events if joined and since else []:
                    self.heard.setdefault(event.event_id, at)
                since = answer.next_batch
                started.set()

        self.listening = asyncio.create_task(run())
        await started.wait()
        return {}

    async def came(self, ids):
        """Waits until these messages came; returns when, in nanoseconds of the clock."""
        while not all(id in self.heard for id in ids):
            await asyncio.sleep(0.001)
        return {"at": [self.heard[id] for id in ids]}

    async def say_many(self, texts):
        """Says these as fast as they are taken; returns nothing but their number."""
        for text in texts:
            await self.say(text)
        return {"said": len(texts)}

    async def obey(self, order):
        try:
            return await getattr(self, order.pop("do"))(**order)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


async def main():
    human = Human(*sys.argv[1:4])
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=1 << 24)
    protocol = asyncio.StreamReaderProtocol(orders)
    await loop.connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await orders.readline():
        answer = await human.obey(json.loads(line))
        print(json.dumps(answer), flush=True)
    if human.listening:
        human.listening.cancel()
    await human.client.close()


asyncio.run(main())
