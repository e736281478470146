/** What every page of the demo shares: requests, messages, files and links. */

import { byId, element, setText } from "./dom.js";

/** Send JSON, or ask for it where there is no body; an Error holds one sentence for people. */
export async function request(path, body) {
  let response;
  let answer;
  try {
    response = await fetch(path, body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server does not answer. Start it again with “deeprob-fast demo”, then repeat what you did.");
  }
  try {
    answer = await response.json();
  } catch {
    answer = {};
  }
  if (answer.error) throw new Error(answer.error);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return answer;
}

export function showMessage(text) {
  byId("message").hidden = false;
  setText(byId("message-text"), text);
}

export function clearMessage() {
  if (byId("message").hidden) return;
  byId("message").hidden = true;
  setText(byId("message-text"), "");
}

/** Said by screen readers, not shown. */
export function announce(text) {
  setText(byId("status"), text);
}

function checked(text, kind) {
  let state;
  try {
    state = JSON.parse(text);
  } catch {
    throw new Error("It holds no JSON.");
  }
  if (state?.version !== 1 || state?.page !== kind) throw new Error("It holds no state of this page.");
  return state;
}

/** The fragment of an address that restores a state: base64 with the letters that addresses may hold. */
function fragmentOf(state) {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return `#${btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** The state in a fragment, null where there is none. */
function stateOf(fragment, kind) {
  if (fragment.length < 2) return null;
  let text;
  try {
    const letters = atob(fragment.slice(1).replaceAll("-", "+").replaceAll("_", "/"));
    text = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)));
  } catch {
    throw new Error("It is damaged.");
  }
  return checked(text, kind);
}

async function copyLink(state) {
  history.replaceState(null, "", fragmentOf(state));
  try {
    await navigator.clipboard.writeText(location.href);
    return "Link copied. It holds the whole state, and works while the demo runs on this computer.";
  } catch {
    return "The link is in the address bar: copy it from there.";
  }
}

function download(name, state) {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(state, null, 1)}\n`], { type: "application/json" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function readState(file, kind) {
  return checked(await file.text(), kind);
}

/** Wire the buttons that every page has: close the message, export, import, copy the link, open a pasted link. */
export function wireState({ kind, current, open }) {
  const refuse = (what, error) => showMessage(`${what} was not opened. ${error.message}`);
  byId("message-close").addEventListener("click", clearMessage);
  byId("export").addEventListener("click", () => download(`deeprob-fast-${kind}.json`, current()));
  byId("import").addEventListener("click", () => byId("import-file").click());
  byId("import-file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    try {
      open(await readState(file, kind));
    } catch (error) {
      refuse(`The file ${file.name}`, error);
    }
    target.value = "";
  });
  byId("copy-link").addEventListener("click", async () => {
    const said = await copyLink(current());
    setText(byId("link-said"), said);
  });
  const fromAddress = () => {
    try {
      const state = stateOf(location.hash, kind);
      if (state) open(state);
      return Boolean(state);
    } catch (error) {
      refuse("The link", error);
      return false;
    }
  };
  window.addEventListener("hashchange", fromAddress);
  return fromAddress;
}
