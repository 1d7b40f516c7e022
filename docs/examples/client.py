"""A client of Ponte's wire protocol (docs/protocol.md): lists the topics, sends records, and reads them in a consumer group.

pip install websockets
python3 client.py ws://127.0.0.1:3000/ws TOPIC GROUP COUNT
"""

import json
import sys

from websockets.sync.client import connect

url, topic, group, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

# A frame with one large record is larger than the library's limit of 1 MiB, so there is no limit here.
with connect(url, subprotocols=["ponte.v1"], max_size=None) as socket:

    def send(kind, **fields):
        socket.send(json.dumps({"type": kind, **fields}))

    def receive(*kinds):
        """The next message of one of these types."""
        while True:
            message = json.loads(socket.recv())
            if message["type"] == "ping":
                send("pong")
            elif message["type"] == "error":
                reason = f"{message['name']}: {message['message']}"
                if "subscription" not in message:
                    sys.exit(reason)
                print(reason, file=sys.stderr)  # the subscription waits, for example for its topic
            elif message["type"] in kinds:
                return message

    send("hello", protocol="ponte.v1", client="example-python/1.0")
    receive("welcome")
    send("topics", id=1)
    parts = [receive("topics_result")]
    while parts[-1].get("more"):  # a long list comes in parts
        parts.append(receive("topics_result"))
    print(*[listed["name"] for part in parts for listed in part["topics"]], file=sys.stderr)

    credit = {"records": 100, "bytes": 1 << 20}
    mode = {"group": {"id": group, "start": "earliest", "commit": "auto"}}
    send("subscribe", id=2, topics=[topic], mode=mode, window=credit)
    subscription = receive("subscribed")["subscription"]

    values = [{"json": {"number": number, "text": "ciao"}} for number in range(count)]
    send("produce", seq=0, records=[{"topic": topic, "key": "example", "value": value} for value in values])

    received = acknowledged = 0
    while received < count or acknowledged < count:
        message = receive("records", "gap", "produced")
        if message["type"] == "records":
            received += len(message["records"])
            for record in message["records"]:
                print(message["partition"], record["offset"], json.dumps(record["value"]), flush=True)
            send("flow", subscription=subscription, through=message["seq"], **credit)
        elif message["type"] == "gap":
            print("missing", message["from"], "to", message["to"], message["reason"], file=sys.stderr)
        else:
            for failed in message["errors"]:
                sys.exit(f"record {failed['seq']}: {failed['error']['message']}")
            acknowledged += sum(ack["last"] - ack["first"] + 1 for ack in message["acks"])

    send("unsubscribe", id=3, subscription=subscription)
    receive("unsubscribed")
