/** Radio buttons: one choice of several, each with a formula if it has one. */

import { element } from "./dom.js";

export function radios(home, name, choices, chosen) {
  for (const { name: value, label, formula } of choices) {
    const input = element("input", { type: "radio", name, value });
    input.addEventListener("change", () => chosen(value));
    home.append(element("label", { class: "check" }, input,
      element("span", {}, label, ...(formula ? [element("small", {}, formula)] : []))));
  }
}

export function checkRadio(name, value) {
  const input = document.querySelector(`input[name="${name}"][value="${CSS.escape(value)}"]`);
  if (input && !input.checked) input.checked = true;
}
