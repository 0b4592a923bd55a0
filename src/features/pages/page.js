"use strict";
// Posts the token of the fragment, and the password if the page asks for one.
const form = document.querySelector("form");
const message = document.querySelector("#message");
const input = document.querySelector("#password");

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
