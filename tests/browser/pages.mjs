// The small pages that links in mails open.
import { check, fits, legible, open } from "./browser.mjs";

const PAGES = ["verify-email", "reset-password", "accept-invitation", "cancel-email-change"];

async function post(url, path, body) {
  const headers = { "Content-Type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(`${url}/api/v1/auth/${path}`, request);
  check(`POST ${path}`, response.ok, response.status);
}

/** The path of the newest link to an address, by the mailbox of development. */
async function link(url, email) {
  const mailbox = await (await fetch(`${url}/dev/mail`, { headers: { Accept: "application/json" } })).json();
  const found = mailbox.items.find((mail) => mail.to === email && mail.link);
  check(`a mail to ${email}`, found !== undefined, mailbox.items.length);
  const { pathname, hash } = new URL(found.link);
  return pathname + hash;
}

/** All of them fit a phone and can be read and reached, in both colours and languages. */
export async function everyPage(browser, url, { folder }) {
  for (const language of ["en", "zh-CN"]) {
    for (const dark of [false, true]) {
      const { page, watch } = await open(browser, url, { phone: true, dark, language });
      for (const name of PAGES) {
        const what = `${name}, ${language}, ${dark ? "dark" : "light"}`;
        await page.goto(`/${name}#token=nothing`);
        await fits(page, what);
        await legible(page.locator("main p").first(), what);
        await legible(page.getByRole("button"), `${what}: the button`);
        const fields = page.locator("input");
        const labels = await fields.evaluateAll((all) => all.map((field) => field.labels.length));
        check(`${what}: every field has a label`, labels.every((count) => count === 1), labels);
        await page.getByRole("heading", { level: 1 }).waitFor();
        const first = page.locator("input, button").first();
        await page.keyboard.press("Tab");
        check(`${what}: by keyboard`, await first.evaluate((one) => one === document.activeElement));
        await page.screenshot({ path: `${folder}/${what.replaceAll(", ", "-")}.png` });
      }
      await watch.close(`pages, ${language}`);
    }
  }
}

/** The address is confirmed, and then the password is forgotten: as a person does it, on a phone. */
export async function wayIn(browser, url, { newcomer }) {
  const { email, password } = newcomer;
  await post(url, "register", { email, password });
  const { page, watch } = await open(browser, url, { phone: true });
  const submit = async (name, text) => {
    await page.getByLabel(name).fill(text);
    await page.keyboard.press("Enter");
  };
  await page.goto(await link(url, email));
  watch.refusal(401, "/email/verify");
  await submit("Password", "not the password");
  await page.getByRole("status").getByText("The e-mail address or the password is wrong").waitFor();
  await submit("Password", password);
  await page.getByText("Your address is confirmed.").waitFor();
  check("the token is out of the address", !page.url().includes("token"), page.url());

  await post(url, "password/forgot", { email });
  const reset = await link(url, email);
  await page.goto(reset);
  watch.refusal(422, "/password/reset");
  await submit("New password", "password");
  await page.getByRole("status").getByText("too easy to guess").waitFor();
  await submit("New password", "seven purple otters dance");
  await page.getByText("Your password is set.").waitFor();
  check("the form is gone", !(await page.getByRole("button").isVisible()));
  await post(url, "login", { email, password: "seven purple otters dance" });

  // A link is good once.
  await page.goto("about:blank");
  await page.goto(reset);
  watch.refusal(422, "/password/reset");
  await submit("New password", "another long sentence of words");
  await page.getByRole("status").getByText("expired, was used").waitFor();

  watch.refusal("ERR_INTERNET_DISCONNECTED", "/password/reset");
  await page.context().setOffline(true);
  await submit("New password", "another long sentence of words");
  await page.getByRole("status").getByText("The server could not be reached").waitFor();
  await watch.close("the way in");
}
