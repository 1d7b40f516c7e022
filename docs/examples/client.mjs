// A client of Ponte's wire protocol (docs/protocol.md): lists the topics, sends records, and reads them in a consumer group.
// Node 22 or later; Node 20 needs the option --experimental-websocket.
//
// node client.mjs ws://127.0.0.1:3000/ws TOPIC GROUP COUNT

const [url, topic, group, count] = process.argv.slice(2);
const credit = { records: 100, bytes: 1 << 20 };
const socket = new WebSocket(url, "ponte.v1");
const send = (type, fields) => socket.send(JSON.stringify({ type, ...fields }));
const fail = (reason) => {
  console.error(reason);
  process.exit(1);
};

const replies = new Map();
const request = (type, fields) =>
  new Promise((resolve) => {
    const id = replies.size + 1;
    replies.set(id, { resolve, parts: [] });
    send(type, { id, ...fields });
  });

let [received, acknowledged, subscription, hasFinished] = [0, 0];
const finish = async () => {
  if (hasFinished || received < count || acknowledged < count) return;
  hasFinished = true;
  await request("unsubscribe", { subscription });
  socket.close();
};
const handlers = {
  ping: () => send("pong"),
  // A subscription with an error waits, for example for its topic.
  error: ({ subscription, name, message }) => (subscription ? console.error : fail)(`${name}: ${message}`),
  records: ({ partition, seq, records }) => {
    for (const { offset, value } of records) console.log(partition, offset, JSON.stringify(value));
    received += records.length;
    send("flow", { subscription, through: seq, ...credit });
    finish();
  },
  gap: ({ from, to, reason }) => console.error("missing", from, "to", to, reason),
  produced: ({ acks, errors }) => {
    for (const { seq, error } of errors) fail(`record ${seq}: ${error.message}`);
    for (const { first, last } of acks) acknowledged += last - first + 1;
    finish();
  },
  welcome: async () => {
    const lists = await request("topics");
    console.error(...lists.flatMap(({ topics }) => topics.map(({ name }) => name)));
    const mode = { group: { id: group, start: "earliest", commit: "auto" } };
    [{ subscription }] = await request("subscribe", { topics: [topic], mode, window: credit });
    const value = (number) => ({ json: { number, text: "ciao" } });
    const records = Array.from({ length: count }, (_, number) => ({ topic, key: "example", value: value(number) }));
    send("produce", { seq: 0, records });
  },
};

socket.onopen = () => send("hello", { protocol: "ponte.v1", client: "example-node/1.0" });
socket.onclose = ({ code, reason }) => code === 1000 || code === 1005 || fail(`closed with ${code} ${reason}`);
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  const reply = message.type !== "error" && replies.get(message.id);
  if (!reply) return handlers[message.type]?.(message);
  reply.parts.push(message); // a long list comes in parts
  if (!message.more) reply.resolve(reply.parts);
};
