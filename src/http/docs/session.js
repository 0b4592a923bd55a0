// Who is signed in on this page. The tokens are in memory only: a storage outlives the page and is open
// to every script of this origin, an address ends up in histories and logs. The price is that whoever
// reloads the page signs in again.

const AUTH = "/api/v1/auth";
/** Renewed so long before its end that a request on its way is not too late, in ms. */
const MARGIN = 30_000;

/** The newest answer of a login or refresh. */
let pair = null;
let expiresAt = 0;
let renewal = null;
const listeners = new Set();

/** The server said no; `problem` is its answer (RFC 9457). */
export class Refusal extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

/** Calls `listener` whenever somebody signs in or out or the token is another; gives what ends that. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The account that is signed in, or null. */
export const caller = () => pair?.user ?? null;

/** The access token as it is, or null. */
export const token = () => pair?.access_token ?? null;

/** The access token, renewed if it is about to expire, or null. */
export async function freshToken() {
  if (pair && Date.now() > expiresAt - MARGIN) await renew();
  return token();
}

/** Takes the answer of a login or refresh. */
export function adopt(answer) {
  pair = answer;
  expiresAt = Date.now() + answer.expires_in * 1000;
  keepDevice(answer.device_token);
  tell(null);
}

/** Nobody is signed in any more; `problem` is why, if it was not asked for. */
export function forget(problem = null) {
  if (!pair) return;
  pair = null;
  tell(problem);
}

export async function signIn(email, password) {
  adopt(await post("/login", { email, password, device_token: knownDevice() }));
}

export async function signOut() {
  // The server ends the session of a token that it still takes.
  const last = await freshToken();
  forget();
  if (last) await post("/logout", undefined, last);
}

/** One at a time: a refresh token is good for one. */
function renew() {
  renewal ??= replace(pair).finally(() => {
    renewal = null;
  });
  return renewal;
}

async function replace(old) {
  try {
    const answer = await post("/refresh", { refresh_token: old.refresh_token });
    // Whoever signed out meanwhile stays so.
    if (pair === old) adopt(answer);
  } catch (error) {
    // A server that is away may come back; a session that is over does not.
    if (pair === old && error.problem?.status === 401) forget(error.problem);
  }
}

async function post(path, body, bearer) {
  const headers = { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  const response = await fetch(AUTH + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw new Refusal(answer);
  return answer;
}

function tell(problem) {
  listeners.forEach((listener) => listener(problem));
}

// The token of a device signs nobody in: it only keeps the guesses of strangers from locking its owner
// out. It is meant to be kept, and the pages that mails lead to keep it, too.
function knownDevice() {
  try {
    return localStorage.getItem("device_token") ?? undefined;
  } catch {
    return undefined;
  }
}

function keepDevice(deviceToken) {
  try {
    localStorage.setItem("device_token", deviceToken);
  } catch {
    // Without storage the device stays unknown.
  }
}
