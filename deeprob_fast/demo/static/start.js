/** How a page starts, with what people can start from: presets, a file, a link; and the way back to there. */

import { byId, element, setText } from "./dom.js";
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
 * `kind` is the name of the page in its states, `presets` are as in the server's options; `wanted()` is the number of classes
 * that people asked for, `summary()` a sentence about what is shown, `keep()` a change that brings back some of this state after
 * a preset.
 */
export function start(kind, exchange, { options, presets, wanted, summary, keep = () => null }) {
  let first = null;
  const begun = (what) => {
    first = exchange.state;
    byId("main").inert = false;
    announce(`${what}: ${summary()}`);
  };
  const preset = byId("preset");
  preset.append(...presets.map(({ name, label }) => element("option", { value: name }, label)));
  const loadPreset = () => {
    const change = keep();
    exchange.load("preset", { name: preset.value, n_classes: wanted() }, () => begun("New start"));
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
    exchange.open(state, () => begun("Opened"), () => exchange.state ?? loadPreset());
  };
  const fromAddress = wireState({ kind, current: () => exchange.state, open });
  if (!fromAddress()) loadPreset();
}
