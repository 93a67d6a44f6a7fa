// What today's users of the bus do with it, told by the `nats` client of npm. `node nats_client.js CHECK JSON` exits
// with 0 if the check holds. JSON: {"servers": [...], "module": path, and what a check needs}.
"use strict";
const options = JSON.parse(process.argv[3]);
const nats = require(options.module);
const assert = require("node:assert");
const codec = nats.StringCodec();

function join(more) {
  return nats.connect({ servers: options.servers, user: options.user, pass: options.pass, timeout: 5000,
    maxReconnectAttempts: -1, reconnectTimeWait: 50, ...more });
}

async function collect(subscription, count) {
  const texts = [];
  for await (const message of subscription) {
    texts.push(codec.decode(message.data));
    if (texts.length === count) break;
  }
  return texts;
}

const checks = {
  // Subjects, wildcards, payloads of any byte, no echo when asked for.
  async publish() {
    const one = await join({ name: "one" });
    const quiet = await join({ noEcho: true });
    const heard = collect(one.subscribe("news.*.today"), 3);
    quiet.subscribe("news.>", { callback: () => assert.fail("an echo") });
    await one.flush();
    await quiet.flush();
    quiet.publish("news.eu.today", codec.encode("a"));
    quiet.publish("news.eu.yesterday", codec.encode("b"));
    quiet.publish("news.us.today", codec.encode("c"));
    quiet.publish("news.us.today");
    assert.deepEqual(await heard, ["a", "c", ""]);
    const bytes = Uint8Array.from({ length: 100000 }, (_, i) => i % 256);
    const sub = one.subscribe("bytes", { max: 1 });
    await one.flush();
    quiet.publish("bytes", bytes);
    for await (const message of sub) assert.deepEqual(message.data, bytes);
    await one.drain();
    await quiet.close();
  },

  // Requests with headers, many answers, and the word that nobody is there.
  async request() {
    const server = await join();
    const client = await join();
    server.subscribe("add", { queue: "adders", callback: (error, message) => {
      const numbers = JSON.parse(codec.decode(message.data));
      const headers = nats.headers();
      headers.set("Answered-By", message.headers.get("Asked-By"));
      message.respond(codec.encode(String(numbers[0] + numbers[1])), { headers });
    } });
    await server.flush();
    const headers = nats.headers();
    headers.set("Asked-By", "me");
    const answer = await client.request("add", codec.encode("[3,4]"), { timeout: 3000, headers });
    assert.equal(codec.decode(answer.data), "7");
    assert.equal(answer.headers.get("Answered-By"), "me");
    await assert.rejects(client.request("nobody.there", codec.encode(""), { timeout: 3000 }),
      (error) => error.code === nats.ErrorCode.NoResponders);
    const many = await Promise.all(Array.from({ length: 500 }, (_, i) =>
      client.request("add", codec.encode(`[${i},1]`), { timeout: 5000, headers })));
    many.forEach((one, i) => assert.equal(codec.decode(one.data), String(i + 1)));
    await client.close();
    await server.close();
  },

  // One member of a group gets each message, wherever it is connected.
  async queue() {
    const connections = await Promise.all(options.servers.map((server) => join({ servers: server })));
    const counts = connections.map(() => 0);
    connections.forEach((connection, i) => connection.subscribe("work", { queue: "cc", callback: () => counts[i]++ }));
    await Promise.all(connections.map((connection) => connection.flush()));
    await new Promise((done) => setTimeout(done, 200)); // Until all servers know.
    for (const connection of connections)
      for (let i = 0; i < 300; i++) connection.publish("work");
    await Promise.all(connections.map((connection) => connection.flush()));
    await new Promise((done) => setTimeout(done, 300));
    assert.equal(counts.reduce((sum, count) => sum + count), 300 * connections.length);
    await Promise.all(connections.map((connection) => connection.close()));
  },

  // Who may not, is told.
  async permissions() {
    const dea = await join({ user: "dea", pass: "dea's" });
    const problems = [];
    (async () => { for await (const status of dea.status()) problems.push(status); })();
    dea.publish("dea.heartbeat", codec.encode("{}"));
    dea.publish("dea.x.start", codec.encode("{}"));
    await dea.flush();
    await new Promise((done) => setTimeout(done, 200));
    assert.equal(problems.length, 1);
    assert.equal(problems[0].data, nats.ErrorCode.PermissionsViolation);
    assert.equal(problems[0].permissionContext.subject, "dea.x.start");
    await dea.close();
    await assert.rejects(join({ user: "dea", pass: "wrong" }),
      (error) => error.code === nats.ErrorCode.AuthorizationViolation);
    const keyed = await join({ user: undefined, pass: undefined,
      authenticator: nats.nkeyAuthenticator(new TextEncoder().encode(options.seed)) });
    await keyed.flush();
    await keyed.close();
  },

  // The server that we are connected to goes; we find another by what we were told, and hear as before.
  async failover() {
    const client = await join({ servers: options.servers[0] });
    const other = await join({ servers: options.servers[1] });
    const heard = [];
    client.subscribe("tick", { callback: (error, message) => heard.push(codec.decode(message.data)) });
    await client.flush();
    let reconnected;
    const again = new Promise((done) => { reconnected = done; });
    (async () => { for await (const status of client.status()) if (status.type === "reconnect") reconnected(); })();
    const tellUntilHeard = async (word) => { // The servers may not know yet who wants it.
      for (let tries = 0; tries < 100 && !heard.includes(word); tries++) {
        other.publish("tick", codec.encode(word));
        await new Promise((done) => setTimeout(done, 100));
      }
    };
    await tellUntilHeard("before");
    process.stdout.write("READY\n"); // Now the first server is stopped.
    await again;
    await client.flush();
    await tellUntilHeard("after");
    assert.deepEqual([...new Set(heard)], ["before", "after"]);
    await client.close();
    await other.close();
  },

  async makekey() {
    const { createUser } = require(`${options.module}/../nkeys.js`);
    const pair = createUser();
    process.stdout.write(JSON.stringify({ seed: new TextDecoder().decode(pair.getSeed()), key: pair.getPublicKey() }));
  },
};

checks[process.argv[2]]().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
