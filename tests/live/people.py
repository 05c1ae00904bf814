"""What stands in for LiveKit's room service where a test says who is in a room."""
import http.server
import json
import threading
import time

import hooks
import ports


class People(http.server.ThreadingHTTPServer):
    """rooms: {name: {"sid": .., "people": {identity: sid}}}; asked: the methods."""

    daemon_threads = True

    def __init__(self):
        self.rooms, self.asked, self.away = {}, [], False
        super().__init__(("127.0.0.1", ports.take()), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def env(self):
        return hooks.ENV | {"LIVEKIT_URL": f"http://127.0.0.1:{self.server_port}"}

    def close(self):
        self.shutdown()
        self.server_close()

    def put(self, grant, sid, room_sid="RM_1"):
        room = self.rooms.setdefault(grant["room"], {"sid": room_sid, "people": {}})
        room["people"][grant["lease_id"]] = sid

    def take(self, grant):
        self.rooms[grant["room"]]["people"].pop(grant["lease_id"], None)

    def create_room(self, name, **_):
        return {"name": name, "sid": self.rooms.get(name, {}).get("sid", "RM_1")}

    def list_participants(self, room):
        people = self.rooms.get(room, {}).get("people", {})
        return {"participants": [
            {"sid": sid, "identity": identity, "state": "ACTIVE",
             "joined_at": str(int(time.time()))} for identity, sid in people.items()]}

    def list_rooms(self, names=()):
        return {"rooms": [{"name": name, "sid": self.rooms[name]["sid"]}
                          for name in names if name in self.rooms]}

    def remove_participant(self, room, identity):
        self.rooms.get(room, {}).get("people", {}).pop(identity, None)
        return {}


METHODS = {"CreateRoom": People.create_room, "ListParticipants": People.list_participants,
           "ListRooms": People.list_rooms, "RemoveParticipant": People.remove_participant}


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def do_POST(self):
        method = self.path.rpartition("/")[2]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(method)
        answer = METHODS[method](self.server, **asked)
        body = json.dumps({} if self.server.away else answer).encode()
        self.send_response(503 if self.server.away else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
