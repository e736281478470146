/** The page for linear classifiers: it sends its state, and draws what comes back. */

import { Curve } from "./curve.js";
import { byId, decimal, element, fixed, setText } from "./dom.js";
import { Exchange } from "./exchange.js";
import { Lines } from "./lines.js";
import { announce, clearMessage, request, showMessage, wireState } from "./page.js";
import { Parameters } from "./parameters.js";
import { Plane } from "./plane.js";
import { Settings } from "./settings.js";
import { Table } from "./table.js";

const REGIONS = 160;
const RATE_WINDOW = 1000;

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let options;
let start = null;
let selected = -1;
let recent = [];
let wantedClasses;

const exchange = new Exchange("/api/linear", {
  regions: REGIONS,
  changed: () => draw(),
  failed: showMessage,
  stepped,
  // A little faster than most displays; with reduced motion as many updates in four pictures a second.
  pace: () => (calm.matches ? { steps: 15, wait: 250 } : { steps: 1, wait: 15 }),
});

const actions = {
  moved: (i, x0, x1) => exchange.edit(({ points }) => points[i].splice(0, 2, decimal(x0), decimal(x1))),
  labelled(i, label) {
    const { n_classes: classes } = exchange.state;
    if (label >= classes) showMessage(`There is no class ${label}: the classes are 0 to ${classes - 1}. Nothing was changed.`);
    else exchange.edit(({ points }) => { points[i][2] = label; });
  },
  added(x0, x1) {
    if (exchange.state.points.length >= options.limits.n_points) {
      showMessage(`There are ${options.limits.n_points} points already, as many as this page takes.`);
      return;
    }
    const label = Number(document.querySelector("#new-class input:checked").value);
    exchange.edit(({ points }) => points.push([x0, x1, label]));
    plane.focus(exchange.state.points.length - 1);
  },
  removed(i) {
    if (exchange.state.points.length === 1) {
      showMessage("The last point stays: a loss needs at least one.");
      return;
    }
    exchange.edit((state) => {
      state.points.splice(i, 1);
      if (state.batch_size !== null) state.batch_size = Math.min(state.batch_size, state.points.length);
    });
    plane.focus(Math.min(i, exchange.state.points.length - 1));
  },
  selected(i) {
    selected = i;
    draw();
  },
  weight: (k, j, value) => exchange.edit(({ W }) => { W[k][j] = value; }),
  bias: (k, value) => exchange.edit(({ b }) => { b[k] = value; }),
};

const plane = new Plane(byId("plane"), actions);
const lines = new Lines(plane.layer);
const curve = new Curve(byId("curve"));
let parameters;
let table;
let settings;

function draw() {
  const { state, view } = exchange;
  if (!state) return;
  const { points } = state;
  if (selected >= points.length) selected = -1;
  const wrong = new Set(view.predictions.flatMap((winner, i) => (i < points.length && winner !== points[i][2] ? [i] : [])));
  plane.draw({
    points,
    wrong,
    selected,
    regions: view.regions,
    describe: (i) => `Point ${i + 1} at ${fixed(points[i][0])}, ${fixed(points[i][1])}, class ${points[i][2]}, `
      + `loss ${fixed(view.losses[i])}${wrong.has(i) ? ", misclassified" : ""}`,
  });
  lines.draw(state.W, state.b);
  parameters.draw(state, view);
  table.draw(state, view, selected);
  settings.draw(state);
  curve.draw(state.history, state.step, view.total_loss);
  drawTotals(state, view);
  drawClasses(state.n_classes);
  byId("remove").disabled = selected < 0;
  setText(byId("run"), exchange.running ? "Stop repeated update" : "Start repeated update");
  setText(byId("count"), String(state.step));
  if (!exchange.running) setText(byId("rate"), "");
}

function drawTotals(state, view) {
  setText(byId("data-loss"), fixed(view.data_loss));
  setText(byId("reg-loss"), fixed(view.reg_loss));
  setText(byId("total-loss"), fixed(view.total_loss));
  setText(byId("correct"), `${view.correct} of ${view.scores.length}`);
}

function drawClasses(count) {
  const home = byId("new-class");
  if (home.children.length !== count) {
    const chosen = Number(home.querySelector("input:checked")?.value ?? 0);
    home.replaceChildren(...Array.from({ length: count }, (_, k) => element("label", { "data-class": k, class: "swatch" },
      element("input", { type: "radio", name: "new-class", value: k, checked: k === Math.min(chosen, count - 1) }), String(k))));
  }
  byId("n-classes").value = String(count);
}

const summary = () => {
  const { state, view } = exchange;
  return `total loss ${fixed(view.total_loss)}, ${view.correct} of ${state.points.length} points correct.`;
};

function stepped(count, repeated) {
  if (!exchange.running) {
    announce(`${repeated ? "Stopped after update" : "Update"} ${exchange.state.step}: ${summary()}`);
    return;
  }
  const now = performance.now();
  recent.push([now, count]);
  recent = recent.filter(([when]) => now - when <= RATE_WINDOW);
  const seconds = (now - recent[0][0]) / 1000;
  const updates = recent.slice(1).reduce((sum, [, one]) => sum + one, 0);
  if (seconds > 0.25) setText(byId("rate"), `${Math.round(updates / seconds)} a second`);
}

/** Fewer classes take their points with them; more classes start with weights of zero. */
function chooseClasses(count) {
  const { points } = exchange.state;
  const kept = points.filter(([, , label]) => label < count);
  if (kept.length === 0) {
    showMessage(`All points are of classes from ${count} on: give one of them a lower class first. Nothing was changed.`);
    draw();
    return;
  }
  exchange.reshape((state) => {
    const range = Array.from({ length: count }, (_, k) => k);
    state.W = range.map((k) => state.W[k] ?? [0, 0]);
    state.b = range.map((k) => state.b[k] ?? 0);
    state.points = kept;
    state.n_classes = count;
    state.optimizer_state = null;
    if (state.batch_size !== null) state.batch_size = Math.min(state.batch_size, kept.length);
  });
  wantedClasses = count;
  const lost = points.length - kept.length;
  announce(`${count} classes.${lost ? ` ${lost} points of the other classes were removed.` : ""}`);
}

/** Where a new point is not in the way of those that are there: the first free place on a spiral around the origin. */
function freePlace() {
  const { points } = exchange.state;
  for (let k = 0; ; k += 1) {
    const [radius, angle] = [0.06 * Math.sqrt(k), 2.4 * k];
    const [x0, x1] = [radius * Math.cos(angle), radius * Math.sin(angle)].map((x) => Number(x.toFixed(2)));
    if (k === 500 || points.every(([a, b]) => Math.hypot(a - x0, b - x1) > 0.12)) return [x0, x1];
  }
}

/** What Reset goes back to. */
const begin = (what) => () => {
  start = exchange.state;
  byId("main").inert = false;
  announce(`${what}: ${summary()}`);
};

function run() {
  if (exchange.running) {
    exchange.stop();
    announce(`Stopped after update ${exchange.state.step}: ${summary()}`);
  } else {
    clearMessage();
    recent = [];
    exchange.start();
  }
}

function wire() {
  const preset = byId("preset");
  preset.append(...options.linear_presets.map(({ name, label }) => element("option", { value: name }, label)));
  const loadPreset = () => exchange.load("preset", { name: preset.value, n_classes: wantedClasses }, begin("New start"));
  preset.addEventListener("change", () => {
    clearMessage();
    loadPreset();
  });
  const [fewest, most] = options.limits.n_classes;
  for (let count = fewest; count <= most; count += 1) byId("n-classes").append(element("option", { value: count }, String(count)));
  byId("n-classes").addEventListener("change", ({ target }) => chooseClasses(Number(target.value)));
  byId("add").addEventListener("click", () => actions.added(...freePlace()));
  byId("remove").addEventListener("click", () => actions.removed(selected));
  byId("step").addEventListener("click", () => {
    clearMessage();
    exchange.step();
  });
  byId("run").addEventListener("click", run);
  byId("randomize").addEventListener("click", () => {
    clearMessage();
    exchange.ask("randomize", () => announce(`Other parameters: ${summary()}`));
  });
  byId("reset").addEventListener("click", () => {
    clearMessage();
    exchange.open(start, begin("Back at the start"));
  });
  setText(byId("about"), `deeprob_fast ${options.version}, kernels for ${options.kernels}. `
    + "All numbers come from the library on this computer; nothing leaves it.");
  return loadPreset;
}

async function main() {
  try {
    options = await request("/api/options");
  } catch (error) {
    showMessage(error.message);
    return;
  }
  parameters = new Parameters(byId("parameters"), options.limits.weight, actions);
  table = new Table(byId("points"), options.limits.coordinate, actions);
  settings = new Settings(options, exchange);
  const loadPreset = wire();
  const open = (state) => {
    clearMessage();
    exchange.open(state, begin("Opened"), () => exchange.state ?? loadPreset());
  };
  const fromAddress = wireState({ kind: "linear", current: () => exchange.state, open });
  if (!fromAddress()) loadPreset();
}

main();
