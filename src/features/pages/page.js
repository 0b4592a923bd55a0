"use strict";
// Posts the token of the fragment, and the password if the page asks for one.
const form = document.querySelector("form");
const message = document.querySelector("#message");
const input = document.querySelector("#password");

// A sign-in page on this origin sends it along (`device_token` of a login): whoever has chosen the
// password here is then not kept out by strangers who guess at it.
async function keep(response) {
  try {
    localStorage.setItem("device_token", (await response.json()).device_token);
  } catch {
    // Without storage, or in private, the device stays unknown.
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { token: new URLSearchParams(location.hash.slice(1)).get("token") ?? "" };
  if (input) body[form.dataset.field] = input.value;
  message.textContent = "…";
  try {
    const response = await fetch(form.dataset.endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang },
      body: JSON.stringify(body),
    });
    if (response.ok) {
      if (response.status === 200) await keep(response);
      form.hidden = true;
      message.textContent = message.dataset.done;
      history.replaceState(null, "", location.pathname);
    } else {
      const problem = await response.json();
      message.textContent = problem.errors?.[0]?.message ?? problem.detail ?? problem.title;
    }
  } catch {
    message.textContent = message.dataset.failed;
  }
});
