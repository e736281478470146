/** The table of W and b: a value, its gradient, and buttons that change it by a step. */

import { element, fixed, resize, setText } from "./dom.js";
import { NumberField } from "./fields.js";

const STEP = 0.1;

export class Parameters {
  #body;
  #rows = [];
  #limit;
  #actions;

  /** The actions: weight(k, j, value) and bias(k, value); `limit` is the greatest allowed. */
  constructor(body, limit, actions) {
    this.#body = body;
    this.#limit = limit;
    this.#actions = actions;
  }

  draw({ W, b }, view) {
    resize(this.#rows, W.length, (label) => this.#row(label));
    this.#rows.forEach(({ cells }, label) => {
      [...W[label], b[label]].forEach((value, j) => {
        cells[j].field.show(value);
        setText(cells[j].gradient, fixed(j < 2 ? view.grad_W[label]?.[j] : view.grad_b[label]));
      });
    });
  }

  #row(label) {
    const cells = [0, 1, 2].map((j) => this.#cell(label, j));
    const node = element("tr", { "data-class": label },
      element("th", { scope: "row" }, element("span", { class: "visually-hidden" }, "class "), String(label)),
      ...cells.map(({ cell }) => cell));
    this.#body.append(node);
    return { node, cells };
  }

  #cell(label, j) {
    const name = j < 2 ? `W[${label},${j}]` : `b[${label}]`;
    const gradient = element("span", { class: "gradient", id: `gradient-${label}-${j}` });
    const input = element("input", { "aria-label": name, "aria-describedby": gradient.id });
    const field = new NumberField(input, {
      low: -this.#limit,
      high: this.#limit,
      digits: 2,
      step: STEP,
      commit: (value) => (j < 2 ? this.#actions.weight(label, j, value) : this.#actions.bias(label, value)),
    });
    const stepper = (sign, sense, by) => {
      const button = element("button", { type: "button", class: "step", "aria-label": `${sense} ${name} by ${STEP}` }, sign);
      button.addEventListener("click", () => field.add(by));
      return button;
    };
    const cell = element("td", { class: "parameter" }, stepper("▲", "Increase", STEP), input,
      element("span", { class: "visually-hidden" }, "gradient "), gradient, stepper("▼", "Decrease", -STEP));
    return { cell, field, gradient };
  }
}
