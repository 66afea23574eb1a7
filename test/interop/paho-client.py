"""One round of everything with Debian's Paho Python client; prints each step that worked.

Arguments: host, port, transport (tcp or websockets), protocol version (3.1, 3.1.1 or 5), name.
"""
import os
import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT, TRANSPORT, VERSION, NAME = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
PROTOCOL = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}[VERSION]
TOPIC = f"interop/paho/{NAME}"
PATIENCE_S = 8


class Peer:
    """A connected client whose messages and acknowledgements wait in queues."""

    def __init__(self, name, clean=True, will=False):
        self.messages, self.acks, self.connected = queue.Queue(), queue.Queue(), queue.Queue()
        options = {} if PROTOCOL == mqtt.MQTTv5 else {"clean_session": clean}
        client_id = f"{NAME}{name}"[:23]
        self.client = mqtt.Client(client_id, protocol=PROTOCOL, transport=TRANSPORT, **options)
        if TRANSPORT == "websockets":
            self.client.ws_set_options(path="/mqtt")
        if will:
            self.client.will_set(TOPIC + "/will", "gone", qos=1)
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_subscribe = lambda *args: self.acks.put(args)
        self.client.on_connect = lambda _c, _u, flags, rc, *rest: self.connected.put((flags, rc))
        extra = {}
        if PROTOCOL == mqtt.MQTTv5:
            extra["clean_start"] = clean
            extra["properties"] = Properties(PacketTypes.CONNECT)
            extra["properties"].SessionExpiryInterval = 0 if clean else 60
        self.client.connect(HOST, PORT, keepalive=30, **extra)
        self.client.loop_start()
        self.flags, code = self.connected.get(timeout=PATIENCE_S)
        assert code == 0, code

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)
        self.acks.get(timeout=PATIENCE_S)

    def publish(self, topic, payload, **options):
        info = self.client.publish(topic, payload, **options)
        info.wait_for_publish(PATIENCE_S)
        assert info.is_published()

    def message(self):
        return self.messages.get(timeout=PATIENCE_S)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        """Close the socket without DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()


def done(step):
    print(step, flush=True)


peer = Peer("a")
peer.subscribe(TOPIC, 2)
for qos in (0, 1, 2):
    peer.publish(TOPIC, f"你好 {qos}", qos=qos)
    message = peer.message()
    assert (message.payload.decode(), message.qos) == (f"你好 {qos}", qos)
    done(f"qos {qos}")

peer.publish(TOPIC + "/kept", "kept", qos=1, retain=True)
late = Peer("late")
late.subscribe(TOPIC + "/kept", 1)
message = late.message()
assert message.payload == b"kept" and message.retain
late.publish(TOPIC + "/kept", b"", qos=1, retain=True)
late.leave()
done("retained")

peer.subscribe(TOPIC + "/will", 1)
Peer("mortal", will=True).vanish()
assert peer.message().payload == b"gone"
done("will")

away = Peer("away", clean=False)
away.subscribe(TOPIC + "/queue", 1)
away.leave()
for payload in ("one", "two"):
    peer.publish(TOPIC + "/queue", payload, qos=1)
back = Peer("away", clean=False)
assert [back.message().payload for _ in range(2)] == [b"one", b"two"]
back.leave()
done("session")

if PROTOCOL == mqtt.MQTTv5:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "text/plain"
    properties.ResponseTopic = "answers"
    properties.CorrelationData = b"id"
    properties.UserProperty = [("b", "1"), ("a", "2")]
    peer.publish(TOPIC, "x", qos=1, properties=properties)
    received = peer.message().properties
    assert received.ContentType == "text/plain" and received.ResponseTopic == "answers"
    assert received.CorrelationData == b"id"
    assert received.UserProperty == [("b", "1"), ("a", "2")]
    done("properties")

peer.leave()
# Threads of a client that vanished must not hold the process.
os._exit(0)
