// Hook0's SDK for JavaScript, unmodified: what it does with a server and a webhook of standard input, as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const given = JSON.parse(readFileSync(0, "utf8"));
const { Event, Hook0Client, verifyWebhookSignature } = createRequire(given.folder)("hook0-client");
const client = new Hook0Client(`${given.base}/`, given.application_id, given.secret);

const added = await client.upsertEventTypes(["shop.order.paid", "shop.order.lost"]);
const event = new Event("shop.order.lost", '{"id": 1}', "application/json", { tenant: "t1" }, { trace: "x" }, undefined, given.event_id);
const sent = await client.sendEvent(event);
const repeated = await client.sendEvent(event).then(() => "accepted", (failure) => failure.message);
const { signature, body, headers, secret } = given.webhook;
const verify = (text) => verifyWebhookSignature(signature, Buffer.from(text), new Headers(headers), secret, 300);
const forged = (() => { try { return verify(`${body} `) === true; } catch { return false; } })();
console.log(JSON.stringify({ added, sent, repeated, verified: verify(body) === true, forged }));
