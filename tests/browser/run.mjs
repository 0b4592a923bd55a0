// What people see, in a real browser: `node tests/browser/run.mjs URL FOLDER`, accounts as JSON on standard
// input, screenshots into the folder. `cargo xtask ci --only page` starts the server and runs it.
import { readFileSync } from "node:fs";

import { counts, launch } from "./browser.mjs";
import * as docs from "./docs.mjs";
import * as pages from "./pages.mjs";

const [url, folder] = process.argv.slice(2);
const stage = { ...JSON.parse(readFileSync(0, "utf8")), folder };
const stories = { ...docs, ...pages };

const browser = await launch();
try {
  for (const [name, story] of Object.entries(stories)) {
    const begun = Date.now();
    await story(browser, url, stage);
    console.log(`  ${name}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }
} catch (error) {
  const open = browser.contexts().flatMap((context) => context.pages());
  await Promise.all(open.map((page, i) => page.screenshot({ path: `${folder}/failed-${i}.png` })));
  throw error;
} finally {
  await browser.close();
}
const { length } = Object.keys(stories);
console.log(`${length} stories, ${counts.checks} checks; ${counts.requests} requests, none to anybody else`);
