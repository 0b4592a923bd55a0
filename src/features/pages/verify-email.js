"use strict";
const form = document.querySelector("form");
const message = document.querySelector("#message");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  const password = document.querySelector("#password").value;
  message.textContent = "…";
  try {
    const response = await fetch("/api/v1/auth/email/verify", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang },
      body: JSON.stringify({ token, password }),
    });
    if (response.ok) {
      form.hidden = true;
      message.textContent = message.dataset.done;
      history.replaceState(null, "", location.pathname);
    } else {
      const problem = await response.json();
      message.textContent = problem.detail || problem.title;
    }
  } catch {
    message.textContent = message.dataset.failed;
  }
});
