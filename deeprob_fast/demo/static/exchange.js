/**
 * The state of a page and its exchange with the server.
 *
 * The server keeps nothing: each request carries the whole state and brings it back with a view, what there is to draw. One
 * request is under way at most. What people change meanwhile is kept, sent next, and never overwritten by an answer.
 */

import { request } from "./page.js";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

/** `theirs`, except where `mine` has been changed since it was `base`; element by element where the shapes agree. */
function merge(base, mine, theirs) {
  if (mine === base) return theirs;
  const all = [base, mine, theirs];
  if (all.every(Array.isArray) && all.every((list) => list.length === base.length)) {
    return base.map((_, i) => merge(base[i], mine[i], theirs[i]));
  }
  if (all.every(isObject)) {
    return Object.fromEntries(Object.keys(theirs).map((key) => [key, merge(base[key], mine[key], theirs[key])]));
  }
  return same(mine, base) ? theirs : mine;
}

export class Exchange {
  state = null;
  view = null;
  running = false;
  /** So many updates the server makes at a time. */
  mostSteps = Infinity;
  #api;
  #options;
  #busy = false;
  #epoch = 0;
  #stale = false;
  #steps = 0;
  #queue = [];
  #loading = false;
  #later = [];
  #good = null;
  #due = 0;
  #drawing = false;

  /** `changed()` draws; `failed(message)` tells; `stepped(n, repeated)` hears of updates that arrived; `pace()` says {steps, wait}. */
  constructor(api, options) {
    this.#api = api;
    this.#options = options;
  }

  /** `change` edits a copy of the state; while another state is on its way, the copy of that one. */
  edit(change) {
    if (this.#loading) {
      this.#later.push(change);
      return;
    }
    const draft = structuredClone(this.state);
    change(draft);
    this.state = draft;
    this.#stale = true;
    this.#options.changed();
    this.#pump();
  }

  /** As edit, for changes after which an answer under way has the wrong shape. */
  reshape(change) {
    this.#epoch += 1;
    this.edit(change);
  }

  /** Take the state that the server answers to a request, in place of this one; `done()` or `refused()` hears how it went. */
  load(route, body, done, refused) {
    this.stop();
    this.#steps = 0;
    this.#later = [];
    this.#loading = true;
    this.#queue = [{ route, body: () => body, done, refused, replaces: true }];
    this.#pump();
  }

  open(state, done, refused) {
    this.load("view", { state }, done, refused);
  }

  /** Send the state along another route, which changes some of it. */
  ask(route, done) {
    this.#queue.push({ route, body: () => ({ state: this.state }), done });
    this.#pump();
  }

  step(count = 1) {
    this.#steps += count;
    this.#pump();
  }

  start() {
    this.running = true;
    this.#options.changed();
    this.#pump();
  }

  stop() {
    if (!this.running) return;
    this.running = false;
    this.#options.changed();
  }

  async #pump() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (;;) {
        if (this.running) await this.#pause();
        const job = this.#take();
        if (!job) break;
        await this.#send(job);
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Until the next update is due, by the clock: a picture that takes longer than a frame holds no update up. */
  async #pause() {
    const now = performance.now();
    const { wait } = this.#options.pace();
    this.#due = Math.max(this.#due + wait, now - wait);
    if (this.#due > now) await new Promise((resolve) => setTimeout(resolve, this.#due - now));
  }

  /** Once a frame, however many answers come. */
  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#options.changed();
    });
  }

  #take() {
    if (this.#queue.length > 0) {
      const job = this.#queue.shift();
      return { ...job, body: job.body() };
    }
    const wanted = this.#steps + (this.running ? this.#options.pace().steps : 0);
    if (wanted > 0) {
      const count = Math.min(wanted, this.mostSteps);
      this.#steps = wanted - count;
      this.#stale = false;
      return { route: "step", body: { state: this.state, n_steps: count }, count, repeated: this.running };
    }
    if (!this.#stale) return null;
    this.#stale = false;
    return { route: "view", body: { state: this.state } };
  }

  async #send(job) {
    const sent = this.state;
    const epoch = this.#epoch;
    let answer;
    try {
      answer = await request(`${this.#api}/${job.route}`, { ...job.body, regions: this.#options.regions });
    } catch (error) {
      this.#fail(job, error.message);
      return;
    }
    if (job.replaces) {
      this.#epoch += 1;
      this.#stale = false;
      this.state = answer.state;
    } else if (epoch === this.#epoch) {
      this.state = merge(sent, this.state, answer.state);
    } else {
      return;
    }
    this.view = answer.view;
    this.#good = answer;
    if (job.count) this.#options.stepped(job.count, job.repeated);
    if (this.running) this.#drawSoon();
    else this.#options.changed();
    job.done?.();
    if (job.replaces) this.#catchUp();
  }

  /** What people did since they asked for another state, which may have no such part. */
  #catchUp() {
    if (this.#queue.some((job) => job.replaces)) return;
    this.#loading = false;
    for (const change of this.#later.splice(0)) {
      try {
        this.edit(change);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    }
  }

  /** An update that fails leaves what it started from; a state that fails makes way for the last one that did not. */
  #fail(job, message) {
    this.running = false;
    this.#steps = 0;
    if (job.count) {
      this.#stale = !same(this.state, this.#good.state);
    } else if (!job.replaces && this.#good) {
      this.#epoch += 1;
      this.#stale = false;
      ({ state: this.state, view: this.view } = this.#good);
    }
    this.#options.changed();
    this.#options.failed(message);
    job.refused?.();
    if (job.replaces) this.#catchUp();
  }
}
