// `/docs`: sign in, try out, renew, sign out; on a desk and on a phone, light and dark, in two languages.
import { check, fits, legible, open } from "./browser.mjs";

const [READ, WRITE] = ["GET /api/v1/users/me", "POST /api/v1/notes"];
const [LIST, LOGIN] = ["GET /api/v1/users", "POST /api/v1/auth/login"];

const bar = (page) => ({
  email: page.getByRole("textbox", { name: "E-mail", exact: true }),
  password: page.getByRole("textbox", { name: "Password", exact: true }),
  signIn: page.getByRole("button", { name: "Sign in", exact: true }),
  signOut: page.getByRole("button", { name: "Sign out", exact: true }),
  message: page.getByRole("status"),
  who: page.locator("#signed-in"),
});

/** The block of an operation, named as in `GET /api/v1/users/me`. */
function block(page, operation) {
  const [method, path] = operation.split(" ");
  return page.locator(`.opblock-${method.toLowerCase()}`, { has: page.locator(`[data-path="${path}"]`) });
}

async function show(page) {
  await page.goto("/docs");
  await block(page, WRITE).waitFor();
}

async function signIn(page, { email, password }) {
  await bar(page).email.fill(email);
  await bar(page).password.fill(password);
  await bar(page).password.press("Enter");
  await bar(page).signOut.waitFor();
}

/** Tries an operation out as a reader does, and gives the status and the body that the page shows. */
async function tryOut(page, operation, body) {
  const tried = block(page, operation);
  const execute = tried.getByRole("button", { name: "Execute" });
  if (!(await execute.isVisible())) await tried.locator(".opblock-summary-control").click();
  if (body) await tried.locator("textarea.body-param__text").fill(JSON.stringify(body));
  const clear = tried.getByRole("button", { name: "Clear" });
  if (await clear.isVisible()) await clear.click();
  await execute.click();
  const answer = tried.locator(".live-responses-table .response");
  await answer.waitFor();
  const status = Number.parseInt(await answer.locator(".response-col_status").innerText(), 10);
  const [text = ""] = await answer.locator(".highlight-code code").allInnerTexts();
  return { status, text };
}

/** Where `operation` says that it needs a permission. */
const permission = (page, operation) => block(page, operation).locator(".permission");

const hasFocus = (locator) => locator.evaluate((element) => element === document.activeElement);

/** A person signs in, reads, writes, is refused, and signs out. */
export async function aPerson(browser, url, { user, folder }) {
  const { page, watch } = await open(browser, url);
  await show(page);
  await page.keyboard.press("Tab");
  check("the first thing to reach is the address", await hasFocus(bar(page).email));

  watch.refusal(401, "/auth/login");
  await bar(page).email.fill(user.email);
  await bar(page).password.fill("not the password");
  await bar(page).signIn.click();
  const wrong = "The e-mail address or the password is wrong\nCheck both, or reset the password.";
  await bar(page).message.getByText(wrong).waitFor();
  await legible(bar(page).message, "the message");

  await signIn(page, user);
  const who = await bar(page).who.innerText();
  check("the bar says who", who.includes(user.name) && who.includes("user"), who);
  check("the focus stays in the bar", await hasFocus(bar(page).signOut));
  check("the password is gone", (await page.evaluate(() => document.forms[0].password.value)) === "");

  const read = await tryOut(page, READ);
  check("a read", read.status === 200 && read.text.includes(user.email), read);
  const write = await tryOut(page, WRITE, { title: "From the page", body: "Tried out." });
  check("a write", write.status === 201 && write.text.includes("From the page"), write);
  await page.screenshot({ path: `${folder}/docs-page-written.png` });

  check("what it needs", (await permission(page, LIST).innerText()) === "users:read");
  watch.refusal(403, "/api/v1/users");
  const refused = await tryOut(page, LIST);
  check("what is not held", refused.status === 403 && refused.text.includes("forbidden"), refused);

  await bar(page).signOut.click();
  await bar(page).signIn.waitFor();
  watch.refusal(401, "/users/me");
  const after = await tryOut(page, READ);
  check("signed out", after.status === 401 && after.text.includes('"unauthenticated"'), after);
  await watch.close("a person");
}

/** Tokens are renewed, kept in memory, taken from what is tried out, and let go of when the session ends. */
export async function tokens(browser, url, { user }) {
  const { page, watch } = await open(browser, url);
  const sent = [];
  page.on("request", (request) => sent.push(new URL(request.url()).pathname));
  await show(page);
  await signIn(page, user);

  await page.clock.setSystemTime(Date.now() + 9 * 60_000 + 45_000);
  const renewed = await tryOut(page, READ);
  check("a token is renewed", renewed.status === 200 && sent.includes("/api/v1/auth/refresh"), sent);
  const kept = await page.evaluate(() => ({ ...localStorage, ...sessionStorage, cookie: document.cookie }));
  const names = Object.keys(kept).sort();
  check("nothing but the device is remembered", `${names}` === "cookie,device_token" && !kept.cookie, names);
  check("nothing is in the address", !/eyJ|rt_/.test(page.url()), page.url());

  await page.getByRole("button", { name: "Authorize", exact: true }).click();
  await page.getByRole("button", { name: "Remove authorization" }).click();
  await bar(page).signIn.waitFor();
  await page.getByRole("button", { name: "Close", exact: true }).click();

  const login = await tryOut(page, LOGIN, { email: user.email, password: user.password });
  check("a sign-in that is tried out", login.status === 200, login);
  await bar(page).signOut.waitFor();
  // From elsewhere: the page does not hear of it.
  const { access_token: token } = JSON.parse(login.text);
  const headers = { Authorization: `Bearer ${token}` };
  const ended = await fetch(`${url}/api/v1/auth/logout`, { method: "POST", headers });
  check("the session ends elsewhere", ended.status === 204, ended.status);
  watch.refusal(401, "/users/me");
  const late = await tryOut(page, READ);
  check("a session that is over", late.status === 401, late);
  await bar(page).message.getByText("The access token is expired, was ended").waitFor();
  await bar(page).signIn.waitFor();

  await signIn(page, user);
  await page.reload();
  await bar(page).signIn.waitFor();
  watch.refusal("ERR_INTERNET_DISCONNECTED", "/auth/login");
  await page.context().setOffline(true);
  await bar(page).email.fill(user.email);
  await bar(page).password.fill(user.password);
  await bar(page).signIn.click();
  await bar(page).message.getByText("The server could not be reached").waitFor();
  await watch.close("tokens");
}

const WINDOWS = [
  { name: "docs-page" },
  { name: "docs-page-dark", dark: true },
  { name: "docs-page-phone", phone: true },
  { name: "docs-page-phone-dark", phone: true, dark: true },
];

/** An admin sees what they may do, in windows wide and narrow, light and dark; the pictures of the manual. */
export async function anAdmin(browser, url, { admin, user, folder }) {
  const look = async ({ name, ...window }) => {
    const { page, watch } = await open(browser, url, window);
    await show(page);
    await fits(page, `${name}, signed out`);
    await legible(page.locator("header label").first(), `${name}: the bar`);
    await signIn(page, admin);
    const held = permission(page, LIST);
    const title = await held.getAttribute("title");
    check(`${name}: a permission that is held`, title.includes("which you have"), title);
    await legible(held, `${name}: a permission`);
    await legible(block(page, LIST).locator(".opblock-summary-description"), `${name}: a summary`);
    // So that the picture shows operations that need a permission.
    await page.getByRole("button", { name: "Collapse operation" }).first().click();
    await page.locator("header").scrollIntoViewIfNeeded();
    await page.screenshot({ path: `${folder}/${name}.png` });
    const listed = await tryOut(page, LIST);
    check(`${name}: the list`, listed.status === 200 && listed.text.includes(user.email), listed);
    await fits(page, `${name}, tried out`);
    await watch.close(name);
  };
  await Promise.all(WINDOWS.map(look));
}

/** The bar speaks Chinese, and the page follows when its reader changes to the dark. */
export async function inChinese(browser, url, { user }) {
  const { page, watch } = await open(browser, url, { phone: true, language: "zh-CN" });
  await show(page);
  await page.getByRole("textbox", { name: "邮箱地址", exact: true }).fill(user.email);
  await page.getByRole("textbox", { name: "密码", exact: true }).fill("不是密码");
  watch.refusal(401, "/auth/login");
  await page.getByRole("button", { name: "登录", exact: true }).click();
  await page.getByRole("status").getByText("邮箱地址或密码错误").waitFor();
  await fits(page, "in Chinese");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator("html.dark-mode").waitFor();
  await watch.close("in Chinese");
}
