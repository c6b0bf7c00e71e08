// SPDX-License-Identifier: Apache-2.0
// Opens a report in headless Chromium as people will, and prints what it saw as one JSON document: checks, each with its
// findings.
//
//   node page.mjs BROWSER FILE [DIRECTORY]      a picture of each view into the directory
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [browserPath, file, pictures] = process.argv.slice(2);
const url = pathToFileURL(file).href;

// A sheet of A4 without margins of 15 mm has 680 dots of CSS.
const PHONE = { width: 360, height: 740, mobile: true };
const DESK = { width: 1280, height: 900 };
const PAPER = { width: 680, height: 1009, media: "print" };
const VIEWS = [
  { name: "phone-light", scheme: "light", ...PHONE },
  { name: "phone-dark", scheme: "dark", ...PHONE },
  { name: "desk-light", scheme: "light", ...DESK },
  { name: "desk-dark", scheme: "dark", ...DESK },
  { name: "paper-light", scheme: "light", ...PAPER },
  { name: "paper-dark", scheme: "dark", ...PAPER },
];

// All that a report is made of. What else is in the page came out of the evidence.
const ELEMENTS =
  "html head meta title style body header main section h1 h2 h3 p div span small table caption thead tbody tr th td code ul ol li " +
  "details summary svg rect line button script strong wbr";
const ATTRIBUTES =
  "lang charset name content http-equiv class scope data-copy role aria-label aria-hidden tabindex type viewBox " +
  "preserveAspectRatio x y width height x1 x2 y1 y2 open";

const CHECKS = {
  renders: "it has a title, a heading and sections",
  width: "nothing is cut off or wider than the screen, and on paper everything is open",
  letters: "letters are large enough and stand out from their ground",
  console: "the browser complained of nothing, and nothing asked or opened anything",
  requests: "nothing was asked for but the file",
  markup: "nothing is in it but what a report is made of",
  copying: "the buttons put what stands before them on the clipboard",
};
const found = Object.fromEntries(Object.keys(CHECKS).map((name) => [name, new Set()]));

async function opened(context, view, prepare = async () => {}) {
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) found.console.add(`${view}: ${message.text()}`);
  });
  page.on("pageerror", (error) => found.console.add(`${view}: ${error}`));
  page.on("dialog", async (dialog) => {
    found.console.add(`${view}: a dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("popup", () => found.console.add(`${view}: a window was opened`));
  page.on("request", (request) => {
    if (request.url() !== url) found.requests.add(`${view}: ${request.url().slice(0, 200)}`);
  });
  await prepare(page);
  await page.goto(url, { waitUntil: "load" });
  return page;
}

// These run in the page.

function whatRenders() {
  const missing = [];
  if (!document.title.trim()) missing.push("no title");
  const headings = document.querySelectorAll("h1");
  if (headings.length !== 1 || !headings[0].innerText.trim()) missing.push(`${headings.length} headings of the first rank`);
  if (document.querySelectorAll("h2").length < 2) missing.push("fewer than two sections");
  if (!document.documentElement.lang) missing.push("no language");
  if (!document.querySelector("meta[name=viewport]")) missing.push("no viewport for phones");
  if (document.body.innerText.length < 500) missing.push("hardly any text");
  return missing;
}

function openAll() {
  for (const details of document.querySelectorAll("details")) details.open = true;
}

function areAllOpen() {
  const closed = document.querySelectorAll("details:not([open])").length;
  return closed ? [`${closed} parts stay closed`] : [];
}

function whatIsTooWide(paper) {
  const wide = [];
  const told = (element) => `<${element.localName} class="${element.className?.baseVal ?? element.className}"> ${element.textContent.trim().slice(0, 60)}`;
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wide.push(`the page is ${root.scrollWidth} wide, the screen ${root.clientWidth}`);
  for (const element of document.body.querySelectorAll("*:not(svg *)")) {
    const style = getComputedStyle(element);
    const scrolls = ["auto", "scroll"].includes(style.overflowX);
    const hides = style.overflowX !== "visible" && (paper || !scrolls);
    if (hides && element.scrollWidth > element.clientWidth + 1) wide.push(`cut off: ${told(element)}`);
    const box = element.getBoundingClientRect();
    // What scrolls within a box of its own may be wider than the screen.
    const within = (() => {
      for (let above = element.parentElement; above; above = above.parentElement) {
        if (["auto", "scroll"].includes(getComputedStyle(above).overflowX)) return true;
      }
      return false;
    })();
    if (box.width > 0 && box.right > root.clientWidth + 1 && (paper || !within)) wide.push(`beyond the edge: ${told(element)}`);
  }
  return wide.slice(0, 10);
}

function whatIsHardToRead(paper) {
  const SMALLEST = 11;
  const hard = new Set();
  const parse = (color) => {
    const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    // Paper is white: browsers print no grounds.
    for (let at = element; at && !paper; at = at.parentElement) {
      const { rgb, alpha } = parse(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const told = `<${element.localName}> ${node.data.trim().slice(0, 40)}`;
    if (size < SMALLEST) hard.add(`letters of ${size} dots: ${told}`);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const lights = [luminance(parse(style.color).rgb), luminance(ground(element))].sort((one, other) => other - one);
    const contrast = (lights[0] + 0.05) / (lights[1] + 0.05);
    if (contrast < (large ? 3 : 4.5)) hard.add(`a contrast of ${contrast.toFixed(2)}: ${told}`);
  }
  return [...hard].slice(0, 10);
}

function whatIsForeign([elements, attributes]) {
  const foreign = new Set();
  for (const element of document.querySelectorAll("*")) {
    if (!elements.includes(element.localName)) foreign.add(`an element ${element.localName}`);
    for (const { name, value } of element.attributes) {
      if (!attributes.includes(name)) foreign.add(`an attribute ${name}="${value.slice(0, 60)}" of ${element.localName}`);
    }
  }
  const scripts = document.querySelectorAll("script").length;
  if (scripts > 1) foreign.add(`${scripts} scripts`);
  if (!document.querySelector("meta[http-equiv=Content-Security-Policy]")) foreign.add("no policy of what may run");
  return [...foreign].slice(0, 10);
}

// Presses every button with the pointer and reads the clipboard each time.
async function copying(context) {
  const view = "copying";
  // The button takes its word back after two seconds: on a slow machine before anyone has read it.
  await context.addInitScript(() => {
    window.setTimeout = () => 0;
  });
  const reader = await opened(context, view);
  const clipboard = async () => {
    await reader.bringToFront();
    return reader.evaluate(() => navigator.clipboard.readText());
  };
  const press = async (page, button, wanted, how) => {
    await reader.bringToFront();
    await reader.evaluate(() => navigator.clipboard.writeText("something else"));
    await page.bringToFront();
    await button.click();
    await button.filter({ hasText: /copied|marked/ }).waitFor({ timeout: 60_000 }).catch(() => {});
    const [said, got] = [await button.textContent(), await clipboard()];
    if (got !== wanted) found.copying.add(`${how}: ${JSON.stringify(got.slice(0, 80))} instead of ${JSON.stringify(wanted.slice(0, 80))}`);
    if (said !== "copied") found.copying.add(`${how}: the button says ${JSON.stringify(said)}`);
  };
  const all = async (page, how, most) => {
    await page.evaluate(openAll);
    const codes = await page.locator("code[data-copy]").all();
    if (codes.length === 0) found.copying.add("nothing can be copied");
    for (const code of codes.slice(0, most)) {
      const button = code.locator("xpath=following-sibling::button[1]");
      if ((await button.count()) !== 1) found.copying.add(`no button after ${(await code.textContent()).slice(0, 80)}`);
      else await press(page, button, await code.textContent(), how);
    }
    return codes.length;
  };
  const count = await all(await opened(context, view), "by the clipboard of the page", 200);
  const refused = (page) =>
    page.addInitScript(() => {
      Object.defineProperty(navigator, "clipboard", { value: { writeText: () => Promise.reject(new Error("not allowed")) } });
    });
  await all(await opened(context, view, refused), "where a page may not use the clipboard", 3);
  return count;
}

const profile = mkdtempSync(join(tmpdir(), "cutover-browser-"));
let buttons = 0;
const browser = await chromium.launch({
  executablePath: browserPath,
  // Root has no sandbox to give.
  chromiumSandbox: process.getuid() !== 0,
  args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
  timeout: 120_000,
});
try {
  for (const { name, width, height, scheme, media = "screen", mobile = false } of VIEWS) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      isMobile: mobile,
      hasTouch: mobile,
      deviceScaleFactor: mobile ? 2 : 1,
    });
    context.setDefaultTimeout(120_000);
    const page = await opened(context, name);
    const paper = media === "print";
    const add = (check, findings) => findings.forEach((finding) => found[check].add(`${name}: ${finding}`));
    await page.emulateMedia({ media });
    add("renders", await page.evaluate(whatRenders));
    add("markup", await page.evaluate(whatIsForeign, [ELEMENTS.split(" "), ATTRIBUTES.split(" ")]));
    if (paper) {
      await page.pdf({ format: "A4", margin: { top: "15mm", bottom: "15mm", left: "15mm", right: "15mm" }, ...(pictures && { path: join(pictures, `${name}.pdf`) }) });
      await page.emulateMedia({ media });
      await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
      add("width", await page.evaluate(areAllOpen));
    }
    if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    add("width", await page.evaluate(whatIsTooWide, paper));
    await page.evaluate(openAll);
    add("width", await page.evaluate(whatIsTooWide, paper));
    add("letters", await page.evaluate(whatIsHardToRead, paper));
    await context.close();
  }
  const context = await browser.newContext({ viewport: { width: DESK.width, height: DESK.height } });
  context.setDefaultTimeout(120_000);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  buttons = await copying(context);
  await context.close();
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}

const checks = Object.entries(CHECKS).map(([name, passed]) => {
  const findings = [...found[name]].slice(0, 50);
  const counted = name === "copying" ? `${passed}: ${buttons} of them` : `${passed}, in ${VIEWS.length} views`;
  return { name, status: findings.length ? "fail" : "pass", detail: findings.length ? `not so: ${passed}` : counted, findings };
});
console.log(JSON.stringify({ checks }));
