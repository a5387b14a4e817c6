// Runs the client's EntityAuthenticationToken through the five calls and their errors.
// Only its base URL is set: the rest is the package as published. It hands error bodies back as
// results. Wants BASE_URL, and DEMO: what `seed_demo --json` prints.
"use strict";

const assert = require("node:assert/strict");
const { default: QuestSdk, Core } = require("@questlabs/core");

const demo = JSON.parse(process.env.DEMO);

function client({ apikey = demo.apikey, user = demo.member, entity = demo.entity, eat } = {}) {
  const sdk = new QuestSdk({ apiKey: apikey, entityId: entity, entityAuthenticationToken: eat });
  sdk.baseUrl = process.env.BASE_URL;
  sdk.setUser({ userId: user.id, token: user.token });
  return new Core.EntityAuthenticationToken(sdk);
}

function refused(answer, status, code) {
  assert.equal(answer.success, false);
  assert.equal(typeof answer.error, "string");
  assert.equal(answer.status, status);
  assert.equal(answer.code, code);
}

const requestOrigin = "https://app.example.com/";
const tomorrow = () => new Date(Date.now() + 24 * 60 * 60 * 1000).toISOString();
const me = client();
let first, second;

// In order: each goes on from the one before.
const checks = {
  "without a token, get is a 404": async () =>
    refused(await me.getToken({ requestOrigin }), 404, "token_not_found"),
  "without a token, update is a 404": async () =>
    refused(await me.updateToken({ flags: ["a"], expiry: tomorrow() }), 404, "token_not_found"),
  "create makes one": async () => {
    first = await me.createToken();
    assert.equal(first.success, true);
    assert.match(first.authenticationToken, /^eat_[0-9A-Za-z]{83}$/);
    assert.deepEqual(first.flags, []);
  },
  "get shows the same": async () => assert.deepEqual(await me.getToken({ requestOrigin }), first),
  "create is a 409 while one is live": async () =>
    refused(await me.createToken(), 409, "token_exists"),
  "update changes expiry and flags, and keeps the text": async () => {
    const expiry = tomorrow();
    const updated = await me.updateToken({ flags: ["b", "a"], expiry });
    assert.deepEqual(updated.flags, ["b", "a"]);
    assert.equal(Date.parse(updated.expiry), Date.parse(expiry));
    assert.equal(updated.authenticationToken, first.authenticationToken);
  },
  "update with an expiry that is none is a 400 that names it": async () => {
    const answer = await me.updateToken({ flags: ["a"], expiry: "tomorrow" });
    refused(answer, 400, "validation_error");
    assert.deepEqual(Object.keys(answer.errors), ["expiry"]);
  },
  "update with a flag that is none is a 400": async () =>
    refused(await me.updateToken({ flags: ["a b"], expiry: tomorrow() }), 400, "validation_error"),
  "refresh gives a new text": async () => {
    second = await me.refreshToken({ authenticationToken: first.authenticationToken });
    assert.equal(second.success, true);
    assert.notEqual(second.authenticationToken, first.authenticationToken);
    assert.deepEqual(second.flags, ["b", "a"]);
  },
  "a repeated refresh gives the same": async () =>
    assert.deepEqual(
      await me.refreshToken({ authenticationToken: first.authenticationToken }),
      second,
    ),
  "the client's saved token is refreshed as well": async () => {
    const saved = client({ eat: second.authenticationToken });
    const third = await saved.refreshToken();
    assert.equal(third.success, true);
    assert.notEqual(third.authenticationToken, second.authenticationToken);
  },
  "refresh with a forged text is a 400": async () =>
    refused(await me.refreshToken({ authenticationToken: "forged" }), 400, "token_mismatch"),
  "refresh with an older text revokes": async () =>
    refused(
      await me.refreshToken({ authenticationToken: first.authenticationToken }),
      409,
      "token_reused",
    ),
  "and get says so": async () =>
    refused(await me.getToken({ requestOrigin }), 404, "token_revoked"),
  "an authentication token is a credential too": async () => {
    const made = await me.createToken();
    const self = client({ user: { id: demo.member.id, token: made.authenticationToken } });
    assert.equal((await self.getToken({ requestOrigin })).success, true);
  },
  "delete answers with a body": async () =>
    assert.deepEqual(await me.deleteToken(), { success: true }),
  "delete of none is a 404": async () => refused(await me.deleteToken(), 404, "token_revoked"),
  "a wrong API key is a 401": async () =>
    refused(await client({ apikey: "test" }).getToken({ requestOrigin }), 401, "not_authenticated"),
  "a foreign API key is a 401": async () =>
    refused(
      await client({ apikey: demo.foreign.apikey }).createToken(),
      401,
      "not_authenticated",
    ),
  "another user's token is a 401": async () =>
    refused(
      await client({ user: { id: demo.member.id, token: demo.other_member.token } }).createToken(),
      401,
      "not_authenticated",
    ),
  "another user's id in the path is a 403, whether or not there is one": async () => {
    for (const id of [demo.other_member.id, "u-nobody"]) {
      const stranger = client({ user: { id, token: demo.member.token } });
      const asMe = { _headers: { userId: demo.member.id } };
      refused(await stranger.createToken({}, asMe), 403, "permission_denied");
    }
  },
  "a field that is none is a 400 that names it": async () => {
    const terms = { flags: ["a"], expiry: tomorrow() };
    const answer = await me.updateToken(terms, { _body: { colour: "red" } });
    refused(answer, 400, "validation_error");
    assert.deepEqual(Object.keys(answer.errors), ["colour"]);
  },
  "another entity is a 401": async () =>
    refused(await me.createToken({ entityId: demo.foreign.entity }), 401, "not_authenticated"),
  "a path that is none is a 404 in the same form": async () => {
    const sdk = me.questSdk;
    refused(await sdk.makeRequest({ url: "/entities/x/nothing", method: "GET" }), 404, "not_found");
  },
};

(async () => {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
  }
  console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
})();
