// The part of the data that axes show, and how values lie in it.

const toScale = (value, scale) => (scale === "log" ? Math.log(value) : value);
const fromScale = (place, scale) => (scale === "log" ? Math.exp(place) : place);
const placeIn = (value, [low, high], scale) =>
  (toScale(value, scale) - toScale(low, scale)) / (toScale(high, scale) - toScale(low, scale));
const valueAt = (part, [low, high], scale) =>
  fromScale(toScale(low, scale) + part * (toScale(high, scale) - toScale(low, scale)), scale);

// Round values within a range, no more than fit: 1, 2, 5 times powers of ten.
function chooseTicks([low, high], scale, most) {
  if (scale === "log") {
    const inside = (factors) => {
      const found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
        for (const factor of factors) {
          const value = Number(`${factor}e${power}`);
          if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) found.push(value);
        }
      }
      return found;
    };
    const choices = [[1, 2, 5], [1, 3], [1]].map(inside);
    const fitting = choices.find((ticks) => ticks.length <= most) ?? choices[2];
    if (fitting.length >= 3 || choices[0].length >= 3) return { values: fitting, step: 0 };
  }
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough * (1 - 1e-9)) ?? 10 * power;
  const values = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index++) values.push(index * step);
  return { values, step };
}

function formatTick(value, unit, step) {
  if (unit === "Hz" && Math.abs(value) >= 1000) return `${formatValue(value / 1000, "", step / 1000)}k`;
  return formatValue(value, "", step);
}

// What is shown of time (x) and, mostly, frequency (y). Several axes may share one, and then move together.
class View {
  constructor({ x, y = [0, 1], yScale = "linear", smallest = { x: 0.001, y: 0.001 } }) {
    this.handlers = new Set();
    this.scales = { x: "linear", y: yScale };
    this.smallest = smallest; // least part of the whole that can be shown
    this.whole = { x: [...x], y: [...y] };
    this.x = [...x];
    this.y = [...y];
  }

  onChange(run) { this.handlers.add(run); return () => this.handlers.delete(run); }

  // set({ x: [from, to] }): moved back where it would leave the whole.
  set(ranges) {
    let isNew = false;
    for (const axis of ["x", "y"]) {
      if (!ranges[axis]) continue;
      const scale = this.scales[axis];
      const [first, last] = this.whole[axis].map((value) => toScale(value, scale));
      let [low, high] = ranges[axis].map((value) => toScale(value, scale));
      const span = clamp(high - low, (last - first) * this.smallest[axis], last - first);
      low = clamp((low + high - span) / 2, first, last - span);
      high = low + span;
      const isWhole = span >= (last - first) * (1 - 1e-9); // but for rounding, as after zooming in and out again
      const range = isWhole ? [...this.whole[axis]] : [fromScale(low, scale), fromScale(high, scale)];
      if (range[0] !== this[axis][0] || range[1] !== this[axis][1]) { this[axis] = range; isNew = true; }
    }
    if (isNew) for (const run of [...this.handlers]) run();
  }

  // zoom("x", 2) shows half as much around the middle, or around `at`.
  zoom(axis, factor, at = null) {
    const scale = this.scales[axis];
    const [low, high] = this[axis].map((value) => toScale(value, scale));
    const middle = at === null ? (low + high) / 2 : toScale(at, scale);
    this.set({ [axis]: [low, high].map((place) => fromScale(middle + (place - middle) / factor, scale)) });
  }

  // pan("x", 0.1) goes on by a tenth of what is shown.
  pan(axis, part) {
    const scale = this.scales[axis];
    const [low, high] = this[axis].map((value) => toScale(value, scale));
    this.set({ [axis]: [low, high].map((place) => fromScale(place + part * (high - low), scale)) });
  }

  reset() { this.set(this.whole); }

  isWhole(axis) { return this[axis].every((value, index) => value === this.whole[axis][index]); }

  // other data: everything is shown
  setWhole({ x = this.whole.x, y = this.whole.y, yScale = this.scales.y }) {
    this.whole = { x: [...x], y: [...y] };
    this.scales.y = yScale;
    this.x = [...x];
    this.y = [...y];
    for (const run of [...this.handlers]) run();
  }
}

// Keep a view in a trait: [from, to, low, high], or [] for everything.
function bindView(widget, trait, view) {
  const read = () => {
    const [x0, x1, y0, y1] = widget.get(trait);
    if (x1 === undefined) view.reset();
    else view.set({ x: [x0, x1], y: y1 === undefined ? null : [y0, y1] });
  };
  widget.onChange(trait, read);
  widget.cleanup(view.onChange(() => {
    const value = view.isWhole("x") && view.isWhole("y") ? [] : [...view.x, ...view.y];
    if (JSON.stringify(value) !== JSON.stringify(widget.get(trait))) widget.set(trait, value);
  }));
}

// Buttons for what keys and mouse do as well.
function viewToolbar(view, { y = null } = {}) {
  const zoom = (axis, factor) => () => view.zoom(axis, factor);
  const idle = { x: [], y: [] }; // buttons that do nothing while all of an axis is shown
  const along = (axis, word, less, more) => {
    const out = button("−", zoom(axis, 1 / 2), { name: `zoom out in ${word}` });
    const back = button(less.sign, () => view.pan(axis, -0.5), { name: less.name });
    const on = button(more.sign, () => view.pan(axis, 0.5), { name: more.name });
    idle[axis].push(out, back, on);
    return group(`view of ${word}`, out, word, button("+", zoom(axis, 2), { name: `zoom in in ${word}` }), back, on);
  };
  const all = button("Show all", () => view.reset());
  const node = toolbar(
    along("x", "time", { sign: "◀", name: "earlier" }, { sign: "▶", name: "later" }),
    y && along("y", y, { sign: "▼", name: "lower" }, { sign: "▲", name: "higher" }), all);
  const show = () => {
    for (const axis of ["x", "y"]) for (const made of idle[axis]) block(made, view.isWhole(axis) ? "all of it is shown" : "");
    block(all, view.isWhole("x") && view.isWhole("y") ? "all is shown" : "");
  };
  view.onChange(show);
  show();
  return node;
}

const VIEW_KEYS_HELP = "arrows move, + and − zoom in time, Shift with up and down arrow zooms the other axis, Home shows all";
