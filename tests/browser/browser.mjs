// Chromium, and a watch over what its pages complain of and whom they ask.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../.ci/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** Longer than anything here takes, in ms: the server is a debug build, and the machine may be busy. */
const PATIENCE = 20_000;
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1280, height: 900 } };

export const counts = { checks: 0, requests: 0 };

export function check(what, holds, seen) {
  counts.checks += 1;
  if (!holds) throw new Error(`${what}: ${JSON.stringify(seen)}`);
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      // Needed as root, as CI often is; the pages are our own.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}

/** A window of a reader who knows nobody yet: `phone`, `dark` and `language` say which. */
export async function open(browser, url, { phone = false, dark = false, language = "en" } = {}) {
  const context = await browser.newContext({
    ...(phone ? PHONE : DESK),
    baseURL: url,
    colorScheme: dark ? "dark" : "light",
    locale: language,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  return { page, watch: new Watch(page, url) };
}

/** Everything that a page does wrong by itself. */
class Watch {
  #faults = [];
  #expected = [];

  constructor(page, url) {
    this.page = page;
    page.on("request", (request) => {
      counts.requests += 1;
      const asked = request.url();
      if (!asked.startsWith(`${url}/`) && !asked.startsWith("data:")) this.#faults.push(`asks ${asked}`);
    });
    page.on("pageerror", (error) => this.#faults.push(`throws ${error.stack}`));
    page.on("console", (line) => {
      if (line.type() === "error") this.#complained(line);
    });
  }

  /** Chromium logs each refusal of a server as an error; this one is asked for. */
  refusal(status, path) {
    this.#expected.push({ status: String(status), path });
  }

  #complained(line) {
    const at = line.location().url.split("?")[0];
    const known = this.#expected.findIndex(
      ({ status, path }) => line.text().includes(status) && at.endsWith(path),
    );
    if (known >= 0) this.#expected.splice(known, 1);
    else this.#faults.push(`logs ${line.text()} (${at})`);
  }

  /** Closes the window; nothing may have been wrong, and each refusal must have come. */
  async close(what) {
    await this.page.context().close();
    check(`${what}: no fault`, this.#faults.length === 0, this.#faults);
    check(`${what}: every refusal came`, this.#expected.length === 0, this.#expected);
  }
}

/** Nothing is wider than the window. */
export async function fits(page, what) {
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, screen.width]);
  check(`${what}: no sideways scroll`, widths[0] <= widths[1], widths);
}

/** The text stands out from what is behind it (WCAG 2.2, 1.4.3). */
export async function legible(locator, what) {
  const ratio = await locator.evaluate(contrast);
  check(`${what}: legible`, ratio >= 4.5, ratio);
}

/** Runs in the page. */
function contrast(element) {
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], ground) => [r, g, b].map((part, i) => part * a + ground[i] * (1 - a));
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = [];
  for (let one = element; one; one = one.parentElement) {
    grounds.unshift(getComputedStyle(one).backgroundColor);
  }
  // What a browser paints where a page paints nothing.
  const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  const ground = grounds.map(parts).reduce((below, colour) => over(colour, below), canvas);
  const text = over(parts(getComputedStyle(element).color), ground);
  const [low, high] = [luminance(text), luminance(ground)].sort((one, other) => one - other);
  return (high + 0.05) / (low + 0.05);
}
