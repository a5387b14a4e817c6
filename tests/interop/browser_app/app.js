// A page's script: the client as published, through the five calls. Only its base URL is set.
"use strict";

const { default: QuestSdk, Core } = require("@questlabs/core");

function client({ url, entity, apikey, user, token }) {
  const sdk = new QuestSdk({ apiKey: apikey, entityId: entity });
  sdk.baseUrl = url;
  sdk.setUser({ userId: user, token });
  return new Core.EntityAuthenticationToken(sdk);
}

// Each answer as the page sees it; null where the browser keeps it from the page.
async function seen(call) {
  try {
    return await call();
  } catch (error) {
    if (error.message !== "Network Error") throw error;
    return null;
  }
}

window.goThrough = async (given) => {
  const me = client(given);
  const stranger = client({ ...given, apikey: "wrong" });
  const requestOrigin = location.href;
  const expiry = new Date(Date.now() + 24 * 60 * 60 * 1000).toISOString();
  const answers = {
    create: await seen(() => me.createToken()),
    get: await seen(() => me.getToken({ requestOrigin })),
    update: await seen(() => me.updateToken({ flags: ["a"], expiry })),
  };
  const { authenticationToken = "none" } = answers.create ?? {};
  answers.refresh = await seen(() => me.refreshToken({ authenticationToken }));
  answers.delete = await seen(() => me.deleteToken());
  answers.none = await seen(() => me.getToken({ requestOrigin }));
  answers.stranger = await seen(() => stranger.getToken({ requestOrigin }));
  answers.nothing = await seen(() =>
    me.questSdk.makeRequest({ url: `/entities/${given.entity}/nothing`, method: "GET" }),
  );
  return answers;
};

// What a page reads of the headers: the tag, to change only what it has seen, say.
window.headersOf = async ({ url, entity, apikey, user, token }, init = {}) => {
  const path = `${url}/entities/${entity}/users/${user}/authentication-token`;
  const headers = { apikey, userid: user, token, ...init.headers };
  const answer = await fetch(path, { ...init, headers });
  return { status: answer.status, ...Object.fromEntries(answer.headers) };
};
