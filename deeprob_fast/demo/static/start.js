/** How a page starts, with what people can start from: presets, a file, a link; and the way back to there. */

import { byId, element, setText } from "./dom.js";
import { forgetRefused } from "./fields.js";
import { announce, clearMessage, request, showMessage, wireState } from "./page.js";

/** Ask the server what it offers, and go on with that. */
export async function withOptions(ready) {
  let options;
  try {
    options = await request("/api/options");
  } catch (error) {
    showMessage(error.message);
    return;
  }
  ready(options);
}

/**
 * Wire what starts a page, and start it.
 *
 * `kind` is the name of the page in its states, `presets` are as in the server's options; `points` are the page's
 * `Points`, `summary()` is a sentence about what is shown, `keep()` a change that brings back some of this state after a preset.
 */
export function start(kind, exchange, { options, presets, points, summary, keep = () => null }) {
  let first = null;
  const begun = (what) => {
    first = exchange.state;
    byId("main").inert = false;
    forgetRefused();
    points.selected(-1);
    announce(`${what}: ${summary()}`);
  };
  const preset = byId("preset");
  preset.append(...presets.map(({ name, label }) => element("option", { value: name }, label)));
  const loadPreset = () => {
    const change = keep();
    exchange.load("preset", { name: preset.value, n_classes: points.wanted }, () => begun("New start"));
    if (change) exchange.edit(change);
  };
  preset.addEventListener("change", () => {
    clearMessage();
    loadPreset();
  });
  byId("reset").addEventListener("click", () => {
    clearMessage();
    exchange.open(first, () => begun("Back at the start"));
  });
  setText(byId("about"), `deeprob_fast ${options.version}, kernels for ${options.kernels}. `
    + "All numbers come from the library on this computer; nothing leaves it.");
  const open = (state) => {
    clearMessage();
    const opened = () => {
      preset.selectedIndex = -1;  // what is shown is none of them, and each can be chosen
      begun("Opened");
    };
    exchange.open(state, opened, () => exchange.state ?? loadPreset());
  };
  const fromAddress = wireState({ kind, current: () => exchange.state, open });
  if (!fromAddress()) loadPreset();
}
