// The bar at the top: sign in, who is signed in, sign out.
import { caller, Refusal, signIn, signOut, subscribe } from "./session.js";

const element = (id) => document.getElementById(id);
const form = element("sign-in");
const message = element("message");
let busy = false;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await attempt(() => signIn(form.email.value, form.password.value));
  if (caller()) form.reset();
});

/** Signs out, and says so if the server did not hear of it. */
export const leave = () => attempt(signOut);

element("sign-out").addEventListener("click", leave);

subscribe((problem) => {
  const user = caller();
  // What had the focus may go: it moves to what comes in its place.
  const focused = document.activeElement?.closest("header") !== null;
  form.hidden = user !== null;
  element("signed-in").hidden = user === null;
  if (focused) (user ? element("sign-out") : form.email).focus();
  element("who").textContent = user?.display_name ?? user?.email ?? "";
  element("roles").textContent = user?.roles.join(", ") ?? "";
  message.textContent = problem?.detail ?? "";
});

/** One thing at a time; where it fails, the bar says why. */
async function attempt(action) {
  if (busy) return;
  busy = true;
  message.textContent = "…";
  try {
    await action();
    message.textContent = "";
  } catch (error) {
    message.textContent = error instanceof Refusal ? await advice(error.problem) : message.dataset.failed;
  } finally {
    busy = false;
  }
}

/** What is wrong, and what to do about it: the server explains each of its codes. */
async function advice(problem) {
  const wrong = problem.errors?.[0]?.message ?? problem.detail ?? problem.title;
  const headers = { "Accept-Language": document.documentElement.lang };
  const explained = await fetch(problem.type, { headers }).then((response) => response.json(), () => ({}));
  return [wrong, explained.remedy].filter(Boolean).join("\n");
}
