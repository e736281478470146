/** What people choose on the linear page: loss, penalty, update rule with its hyperparameters, step size, batch. */

import { checkRadio, radios } from "./choices.js";
import { byId, element } from "./dom.js";
import { NumberField, SlidField } from "./fields.js";

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
      low: 0,
      digits: 5,
      step: 0.01,
      commit: (lr) => exchange.edit((state) => { state.optimizer.lr = lr; }),
      toSlider: (value) => Math.log10(Math.max(value, 1e-4)),
      fromSlider: (place) => Number((10 ** place).toFixed(5)),
    });
    this.#reg = new SlidField("reg", {
      low: 0, high: options.limits.reg, digits: 5, step: 0.01, commit: set("reg"),
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
