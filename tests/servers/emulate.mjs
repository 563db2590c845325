// The npm package `emulate` as a Slack: its Web API and state, with a small front that
// sends events to the app. Prints its address when it is ready.
//
//   node emulate.mjs NODE_MODULES EVENTS_URL SIGNING_SECRET
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer as listen } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , modules, eventsUrl, secret] = process.argv;
const load = (...path) => import(pathToFileURL(join(modules, ...path)));

// The package names no way to its Slack part: it is the file that has this method.
const dist = join(modules, "emulate", "dist");
const slackFile = readdirSync(dist).find(
  (name) =>
    name.endsWith(".js") &&
    readFileSync(join(dist, name), "utf8").includes('"/api/conversations.history"'),
);
const core = await load("@emulators", "core", "dist", "index.js");
const slack = await load("emulate", "dist", slackFile);

const tokens = { "xoxb-emulate": "curbside", "xoxp-ada": "ada" };
let store;
let event = 0;

// In the place of its own dispatcher, which can be told of no address from outside.
const webhooks = {
  setHeaderFactory() {},
  getSubscriptions: () => [],
  getDeliveries: () => [],
  async dispatch(_type, _action, payload) {
    const team = slack.getSlackStore(store).teams.all()[0].team_id;
    event += 1;
    const head = { team_id: team, event_id: `Ev${event}`, event_time: 1 };
    const body = JSON.stringify({ ...payload, ...head });
    const stamp = String(Math.floor(Date.now() / 1000));
    const hmac = createHmac("sha256", secret).update(`v0:${stamp}:${body}`);
    const headers = {
      "content-type": "application/json",
      "x-slack-request-timestamp": stamp,
      "x-slack-signature": `v0=${hmac.digest("hex")}`,
    };
    // Not awaited: the call that led to the event is answered first.
    fetch(eventsUrl, { method: "POST", headers, body }).catch(() => {});
  },
};

const plugin = {
  ...slack.default,
  register: (app, s, _webhooks, baseUrl, map) =>
    slack.default.register(app, s, webhooks, baseUrl, map),
};
const server = core.createServer(plugin, {});
store = server.store;
slack.default.seed?.(store, server.baseUrl);
slack.seedFromConfig(store, server.baseUrl, {
  users: [{ name: "ada", is_admin: true }, { name: "curbside" }],
  channels: [{ name: "clinic" }],
});
for (const [token, name] of Object.entries(tokens)) {
  const user = slack.getSlackStore(store).users.findOneBy("name", name);
  server.tokenMap.set(token, { login: user.user_id, id: user.id, scopes: [] });
}

// It takes POST alone and no arguments in the address, where Slack's SDK puts many; and
// what it does not know, it answers with no JSON of Slack's.
const http = listen(async (request, response) => {
  const url = new URL(request.url, "http://127.0.0.1");
  const parts = [];
  for await (const part of request) parts.push(part);
  let body = Buffer.concat(parts);
  const headers = new Headers(request.headers);
  if (url.search) {
    body = Buffer.from(url.searchParams.toString());
    headers.set("content-type", "application/x-www-form-urlencoded");
  }
  headers.delete("content-length");
  const answer = await server.app.fetch(
    new Request(`http://127.0.0.1${url.pathname}`, { method: "POST", headers, body }),
  );
  const unknown = answer.status === 404;
  const shown = unknown
    ? JSON.stringify({ ok: false, error: "unknown_method" })
    : await answer.text();
  response.writeHead(unknown ? 200 : answer.status, {
    "content-type": "application/json",
  });
  response.end(shown);
});
http.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${http.address().port}/api/`);
});
