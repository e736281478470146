/** What people choose on the linear page: loss, penalty, update rule with its hyperparameters, step size, batch. */

import { byId, element, fixed, setAttribute } from "./dom.js";
import { NumberField } from "./fields.js";

function radios(home, name, choices, chosen) {
  for (const { name: value, label, formula } of choices) {
    const input = element("input", { type: "radio", name, value });
    input.addEventListener("change", () => chosen(value));
    home.append(element("label", { class: "check" }, input,
      element("span", {}, label, ...(formula ? [element("small", {}, formula)] : []))));
  }
}

const checkRadio = (name, value) => {
  const input = document.querySelector(`input[name="${name}"][value="${CSS.escape(value)}"]`);
  if (input && !input.checked) input.checked = true;
};

/** A slider beside an exact field: `toSlider` and `fromSlider` say where on the track a value is. */
class SlidField {
  #slider;
  #toSlider;
  #fromSlider;

  constructor(id, { high = Infinity, step, commit, toSlider, fromSlider }) {
    this.#slider = byId(`${id}-slider`);
    this.#toSlider = toSlider;
    this.#fromSlider = fromSlider;
    this.field = new NumberField(byId(id), { low: 0, high, digits: 5, step, commit });
    this.#slider.addEventListener("input", () => commit(fromSlider(Number(this.#slider.value))));
  }

  show(value) {
    this.field.show(value);
    if (this.#fromSlider(Number(this.#slider.value)) !== value) this.#slider.value = String(this.#toSlider(value));
    setAttribute(this.#slider, "aria-valuetext", fixed(value, 5));
  }
}

export class Settings {
  #options;
  #exchange;
  #lr;
  #reg;
  #batch;
  #rule = null;
  #hyperparameters = [];

  constructor(options, exchange) {
    this.#options = options;
    this.#exchange = exchange;
    const set = (name) => (value) => exchange.edit((state) => { state[name] = value; });
    radios(byId("losses"), "loss", options.losses, set("loss"));
    const penalties = options.penalties.map((name) => ({ name, label: name.toUpperCase() }));
    radios(byId("penalties"), "penalty", penalties, (penalty) => exchange.edit((state) => {
      state.penalty = penalty;
      if (penalty !== "l2") state.original_gradient = false;
    }));
    byId("original-gradient").addEventListener("change", ({ target }) => set("original_gradient")(target.checked));
    this.#lr = new SlidField("lr", {
      step: 0.01,
      commit: (lr) => exchange.edit((state) => { state.optimizer.lr = lr; }),
      toSlider: (value) => Math.log10(Math.max(value, 1e-4)),
      fromSlider: (place) => Number((10 ** place).toFixed(5)),
    });
    this.#reg = new SlidField("reg", {
      high: options.limits.reg, step: 0.01, commit: set("reg"), toSlider: Number, fromSlider: Number,
    });
    this.#batch = new NumberField(byId("batch-size"), { low: 1, whole: true, empty: true, commit: set("batch_size") });
    byId("optimizer").append(...options.optimizers.map(({ name, label }) => element("option", { value: name }, label)));
    byId("optimizer").addEventListener("change", ({ target }) => this.#chooseRule(target.value));
  }

  draw(state) {
    checkRadio("loss", state.loss);
    checkRadio("penalty", state.penalty);
    byId("original-gradient").checked = state.original_gradient;
    byId("original-gradient").disabled = state.penalty !== "l2";
    this.#lr.show(state.optimizer.lr);
    this.#reg.show(state.reg);
    this.#batch.limits = { high: state.points.length };
    this.#batch.show(state.batch_size);
    byId("optimizer").value = state.optimizer.name;
    if (this.#rule !== state.optimizer.name) this.#offer(state.optimizer.name);
    for (const { name, show } of this.#hyperparameters) show(state.optimizer[name]);
  }

  /** Another rule starts with its own defaults and remembers nothing of the last one; the step size stays. */
  #chooseRule(name) {
    const { hyperparameters } = this.#options.optimizers.find((optimizer) => optimizer.name === name);
    const defaults = Object.fromEntries(hyperparameters.map((one) => [one.name, one.default]));
    this.#exchange.reshape((state) => {
      state.optimizer = { ...defaults, name, lr: state.optimizer.lr };
      state.optimizer_state = null;
    });
  }

  /** Fields for the hyperparameters of a rule. */
  #offer(rule) {
    this.#rule = rule;
    const { hyperparameters } = this.#options.optimizers.find((optimizer) => optimizer.name === rule);
    this.#hyperparameters = hyperparameters.filter(({ name }) => name !== "lr").map((one) => this.#hyperparameter(one));
    byId("hyperparameters").replaceChildren(...this.#hyperparameters.map(({ node }) => node));
  }

  #hyperparameter({ name, label, kind, min, max, step }) {
    const input = element("input", {});
    const commit = (value) => this.#exchange.edit((state) => { state.optimizer[name] = value; });
    if (kind === "flag") {
      input.type = "checkbox";
      input.addEventListener("change", () => commit(input.checked));
      return { name, node: element("label", { class: "check" }, input, label), show: (value) => { input.checked = value; } };
    }
    const field = new NumberField(input, { low: min ?? -Infinity, high: max ?? Infinity, step: step ?? 0.1, commit });
    return { name, node: element("label", { class: "stack" }, `${label} `, input), show: (value) => field.show(value) };
  }
}
