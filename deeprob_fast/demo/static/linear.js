/** The page for linear classifiers: it sends its state, and draws what comes back. */

import { Curve } from "./curve.js";
import { byId, fixed, setText } from "./dom.js";
import { Exchange } from "./exchange.js";
import { Lines } from "./lines.js";
import { announce, clearMessage, showMessage } from "./page.js";
import { Parameters } from "./parameters.js";
import { Points } from "./points.js";
import { Settings } from "./settings.js";
import { start, withOptions } from "./start.js";
import { Table } from "./table.js";

const REGIONS = 160;
const RATE_WINDOW = 1000;
/** Milliseconds between two writings of the numbers while updates repeat: nobody reads faster, and tables are slow to draw. */
const NUMBERS_EVERY = 60;

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let recent = [];

const exchange = new Exchange("/api/linear", {
  regions: REGIONS,
  changed: () => draw(),
  failed: showMessage,
  stepped,
  // A little faster than most displays; with reduced motion as many updates in four pictures a second.
  pace: () => (calm.matches ? { steps: 15, wait: 250 } : { steps: 1, wait: 15 }),
});

const curve = new Curve(byId("curve"));
let points;
let lines;
let parameters;
let table;
let settings;
let written = 0;

function draw() {
  const { state, view } = exchange;
  if (!state) return;
  const wrong = new Set(view.predictions.flatMap((winner, i) => (state.points[i] && winner !== state.points[i][2] ? [i] : [])));
  points.draw({
    wrong,
    regions: view.regions,
    describe: (i, [x0, x1, label]) => `Point ${i + 1} at ${fixed(x0)}, ${fixed(x1)}, class ${label}, `
      + `loss ${fixed(view.losses[i])}${wrong.has(i) ? ", misclassified" : ""}`,
  });
  lines.draw(state.W, state.b);
  setText(byId("run"), exchange.running ? "Stop repeated update" : "Start repeated update");
  setText(byId("count"), String(state.step));
  if (!exchange.running) setText(byId("rate"), "");
  const now = performance.now();
  if (exchange.running && now - written < NUMBERS_EVERY) return;
  written = now;
  drawNumbers(state, view);
}

function drawNumbers(state, view) {
  parameters.draw(state, view);
  table.draw(state, view, points.chosen);
  settings.draw(state);
  curve.draw(state.history, state.step, view.total_loss);
  setText(byId("data-loss"), fixed(view.data_loss));
  setText(byId("reg-loss"), fixed(view.reg_loss));
  setText(byId("total-loss"), fixed(view.total_loss));
  setText(byId("correct"), `${view.correct} of ${view.scores.length}`);
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
  byId("step").addEventListener("click", () => {
    clearMessage();
    exchange.step();
  });
  byId("run").addEventListener("click", run);
  byId("randomize").addEventListener("click", () => {
    clearMessage();
    exchange.ask("randomize", () => announce(`Other parameters: ${summary()}`));
  });
}

/** New classes start with weights of zero; what the update rule keeps has another shape then. */
function adapt(state) {
  const { n_classes: count, points: { length } } = state;
  if (state.W.length !== count) {
    const range = Array.from({ length: count }, (_, k) => k);
    state.W = range.map((k) => state.W[k] ?? [0, 0]);
    state.b = range.map((k) => state.b[k] ?? 0);
    state.optimizer_state = null;
  }
  if (state.batch_size !== null) state.batch_size = Math.min(state.batch_size, length);
}

const actions = {
  weight: (k, j, value) => exchange.edit(({ W }) => { W[k][j] = value; }),
  bias: (k, value) => exchange.edit(({ b }) => { b[k] = value; }),
};

withOptions((options) => {
  const { limits } = options;
  exchange.mostSteps = limits.n_steps;
  points = new Points(exchange, { limits, adapt, redraw: draw });
  lines = new Lines(points.plane.layer);
  parameters = new Parameters(byId("parameters"), limits.weight, actions);
  table = new Table(byId("points"), limits.coordinate, points);
  settings = new Settings(options, exchange);
  wire();
  start("linear", exchange, { options, presets: options.linear_presets, points, summary });
});
