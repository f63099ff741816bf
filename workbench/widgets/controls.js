// Controls with a label, and their ties to traits.

// What all controls have in common: { node, input, value, onInput(f) -> undo, disabled }. Setting value calls nobody.
function control(node, input, read, write) {
  const handlers = new Set();
  return {
    node,
    input,
    get value() { return read(); },
    set value(value) { write(value); },
    get disabled() { return input.disabled; },
    set disabled(disabled) { input.disabled = disabled; },
    onInput(run) { handlers.add(run); return () => handlers.delete(run); },
    emit() { const value = read(); for (const run of [...handlers]) run(value); },
  };
}

// A button that stays pressed; its value is true or false.
function toggle(text, { name = null, title = null } = {}) {
  let pressed = false;
  const node = button(text, () => { write(!pressed); made.emit(); }, { name, title });
  const write = (value) => { pressed = Boolean(value); node.setAttribute("aria-pressed", String(pressed)); };
  const made = control(node, node, () => pressed, write);
  write(false);
  return made;
}

// A slider with its label and its value beside it. Arrows move by step, with Shift and Page keys by ten of them.
// scale "log" spreads min..max (both above 0) evenly in octaves; format(value) replaces number and unit.
function slider({ label, min, max, step = 1, unit = "", scale = "linear", format = null }) {
  const POSITIONS = 1000;
  const isLog = scale === "log";
  let range = { min, max, step };
  let value = min;
  const input = element("input", { type: "range" });
  const text = element("output", { class: "wb-value", "aria-hidden": "true" });
  const node = element("label", { class: "wb-control" }, label, input, text);
  const words = (number) => (format ? format(number) : formatValue(number, unit, range.step));
  const snap = (number) => {
    const steps = Math.round((number - range.min) / range.step);
    return clamp(Number((range.min + steps * range.step).toPrecision(12)), range.min, range.max);
  };
  const toPosition = (number) => POSITIONS * Math.log(number / range.min) / Math.log(range.max / range.min);
  const fromPosition = (place) => range.min * (range.max / range.min) ** (place / POSITIONS);
  const show = () => {
    input.value = isLog ? toPosition(value) : value;
    text.textContent = words(value);
    input.setAttribute("aria-valuetext", words(value));
  };
  const setRange = (low, high, by) => {
    range = { min: low, max: high, step: by ?? range.step };
    Object.assign(input, isLog ? { min: 0, max: POSITIONS, step: "any" } : { min: low, max: high, step: range.step });
    value = clamp(value, low, high);
    show();
  };
  // what Python sets is shown as it is, also where it lies beyond what the slider can be moved to
  const made = control(node, input, () => value, (number) => { value = Number(number); show(); });
  const move = (number) => {
    const next = snap(number);
    if (next === value) return show();
    value = next;
    show();
    made.emit();
  };
  const by = (steps) => () => {
    const stride = isLog ? fromPosition(clamp(toPosition(value) + 10 * steps, 0, POSITIONS)) : value + steps * range.step;
    // on a log scale a stride may be less than a step; an arrow must always move
    move(Math.abs(stride - value) >= range.step ? stride : value + Math.sign(steps) * range.step);
  };
  input.addEventListener("input", () => move(isLog ? fromPosition(Number(input.value)) : Number(input.value)));
  const coarse = { up: by(10), down: by(-10) };
  keys(input, {
    ArrowRight: by(1), ArrowUp: by(1), ArrowLeft: by(-1), ArrowDown: by(-1),
    PageUp: coarse.up, PageDown: coarse.down,
    "Shift+ArrowRight": coarse.up, "Shift+ArrowUp": coarse.up,
    "Shift+ArrowLeft": coarse.down, "Shift+ArrowDown": coarse.down,
    Home: () => move(range.min), End: () => move(range.max),
  });
  setRange(min, max, step);
  return Object.assign(made, { setRange });
}

// options: ["a", "b"] or [["a", "A, in words"]]; values are text.
function select({ label, options = [] }) {
  const input = element("select");
  const node = element("label", { class: "wb-control" }, label, input);
  const setOptions = (list) => {
    const kept = input.value;
    input.replaceChildren(...list.map((entry) => {
      const [value, text] = Array.isArray(entry) ? entry : [entry, entry];
      return element("option", { value }, text);
    }));
    if ([...input.options].some((option) => option.value === kept)) input.value = kept;
  };
  const made = control(node, input, () => input.value, (value) => { input.value = value ?? ""; });
  const move = (change) => () => {
    const next = clamp(change(input.selectedIndex), 0, input.options.length - 1);
    if (next === input.selectedIndex) return;
    input.selectedIndex = next;
    made.emit();
  };
  keys(input, {
    ArrowDown: move((index) => index + 1), ArrowUp: move((index) => index - 1),
    Home: move(() => 0), End: move(() => input.options.length - 1),
  });
  input.addEventListener("change", () => made.emit());
  setOptions(options);
  return Object.assign(made, { setOptions });
}

function checkbox({ label }) {
  const input = element("input", { type: "checkbox" });
  const node = element("label", { class: "wb-control" }, input, label);
  const made = control(node, input, () => input.checked, (value) => { input.checked = Boolean(value); });
  input.addEventListener("change", () => made.emit());
  return made;
}

// A number to type, a whole one where the step is; what is no number or out of range is put back to the last good one.
function numberField({ label, min = -Infinity, max = Infinity, step = 1, unit = "" }) {
  let value = Number.isFinite(min) ? min : 0;
  const input = element("input", { type: "number", step: "any" });
  const node = element("label", { class: "wb-control" }, label, input, unit);
  const show = () => { input.value = value; };
  const made = control(node, input, () => value, (number) => { value = Number(number); show(); });
  const move = (number) => {
    const near = Number.isInteger(step) ? Math.round(number) : Number(number.toPrecision(12));
    const next = Number.isFinite(number) ? clamp(near, min, max) : value;
    const isNew = next !== value;
    value = next;
    show();
    if (isNew) made.emit();
  };
  const take = () => move(input.value === "" ? NaN : Number(input.value));
  input.addEventListener("change", take);
  keys(input, { ArrowUp: () => move(value + step), ArrowDown: () => move(value - step), Enter: take });
  show();
  return made;
}

function textField({ label, placeholder = null }) {
  const input = element("input", { type: "text", placeholder });
  const node = element("label", { class: "wb-control" }, label, input);
  const made = control(node, input, () => input.value, (value) => { input.value = value ?? ""; });
  input.addEventListener("change", () => made.emit());
  keys(input, { Enter: () => made.emit() });
  return made;
}

// Trait and control follow each other; toControl and toTrait convert between them. Returns the undoing.
function bind(model, trait, made, { toControl = (value) => value, toTrait = (value) => value } = {}) {
  const show = () => { made.value = toControl(model.get(trait)); };
  const stop = made.onInput((value) => { model.set(trait, toTrait(value)); saveSoon(model); });
  model.on(`change:${trait}`, show);
  show();
  return () => { stop(); model.off(`change:${trait}`, show); };
}
