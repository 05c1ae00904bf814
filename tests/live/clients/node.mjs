// Node's fetch, http(s) and http2 by the plan: node node.mjs KIND PLAN CA TOKEN URL...
// (NODE_EXTRA_CA_CERTS names the authority, as an operator would)
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import http2 from "node:http2";

const [kind, plan, , token, ...urls] = process.argv.slice(2);
const bearer = { authorization: `Bearer ${token}` };
const typed = { "content-type": "application/json" };

async function* pieces(body) {
  yield Buffer.from(body.slice(0, 5));
  await new Promise(setImmediate);
  yield Buffer.from(body.slice(5));
}

async function whole(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

const byFetch = () => ({
  async call({ url, method, body, streamed }) {
    const options = { method, headers: { ...bearer, ...(body ? typed : {}) } };
    if (body && streamed) {
      options.body = ReadableStream.from ? ReadableStream.from(pieces(body)) : pieces(body);
      options.duplex = "half";
    } else if (body) {
      options.body = body;
    }
    const reply = await fetch(url, options);
    return [reply.status, "-", reply.headers.get("content-type"), await reply.text()];
  },
  close() {}, // its agent is Node's own
});

const byHttp = (base) => {
  const agent = new (base.startsWith("https") ? https : http).Agent(
    { keepAlive: true, maxSockets: 1 });
  const request = base.startsWith("https") ? https.request : http.request;
  return {
    call: ({ url, method, body, streamed }) => new Promise((done, failed) => {
      const headers = { ...bearer, ...(body ? typed : {}) };
      const sent = request(url, { method, headers, agent }, async (reply) => {
        done([reply.statusCode, reply.httpVersion, reply.headers["content-type"],
          await whole(reply)]);
      }).on("error", failed);
      if (body && streamed) sent.write(body.slice(0, 5));
      sent.end(body ? (streamed ? body.slice(5) : body) : undefined);
    }),
    close: () => agent.destroy(),
  };
};

const byHttp2 = (base) => {
  const session = http2.connect(base);
  return {
    call: ({ url, method, body, streamed }) => new Promise((done, failed) => {
      session.on("error", failed);
      const sent = session.request({ ":method": method, ":path": new URL(url).pathname,
        ...bearer, ...(body ? typed : {}) });
      let head;
      sent.on("response", (fields) => { head = fields; }).on("error", failed);
      whole(sent).then((text) => done([head[":status"], "2", head["content-type"], text]),
        failed);
      if (body && streamed) sent.write(body.slice(0, 5));
      sent.end(body ? (streamed ? body.slice(5) : body) : undefined);
    }),
    close: () => session.close(),
  };
};

const kinds = { fetch: byFetch, http: byHttp, http2: byHttp2 };

const clients = {}; // kept from one round of URLs to the next

async function live(base) {
  const client = (clients[base] ??= kinds[kind](base));
  let lease = "";
  for (const line of fs.readFileSync(plan, "utf8").trimEnd().split("\n")) {
    const [step, method, path, mode, body] = line.split("\t");
    const [status, version, type, text] = await client.call({
      url: base + path.replace("{lease}", lease), method, body,
      streamed: mode === "streamed" });
    lease = /"lease_id":\s*"([^"]+)"/.exec(step.startsWith("reserve") ? text : "")?.[1] ??
      lease;
    console.log([base, step, status, version, type ?? "", text].join("\t"));
  }
}

for (const base of urls) {
  try {
    await live(base);
  } catch (error) {
    console.log([base, "error", 0, "-", "", `${error} ${error.cause ?? ""}`].join("\t"));
  }
}
Object.values(clients).forEach((client) => client.close());
