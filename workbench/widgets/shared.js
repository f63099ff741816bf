// Elements, controls and their ties to traits: what every widget here is made of.

// JupyterLab takes keys away from an element unless it has this attribute itself; on a parent it does nothing.
const KEEP_KEYS = "data-lm-suppress-shortcuts";
const FOCUSABLE = new Set(["a", "audio", "button", "input", "select", "summary", "textarea"]);

// element("div", { class: "x", "aria-label": "y", on: { click: f } }, "text", child): what is null or false is left out.
function element(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (name === "style") Object.assign(node.style, value);
    else if (["value", "checked", "disabled", "hidden"].includes(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  if (FOCUSABLE.has(tag) || "tabindex" in props) node.setAttribute(KEEP_KEYS, "true");
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// keys(node, { ArrowLeft: f, "Shift+ArrowUp": g }): they go no further and do nothing else.
function keys(node, actions) {
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const run = actions[(event.shiftKey ? "Shift+" : "") + event.key] ?? (event.key.length === 1 && actions[event.key]);
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run(event);
  });
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const asBytes = (data) => (data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(0));
const asInt16 = (data) => new Int16Array(asBytes(data).slice().buffer); // a copy, since int16 must begin at an even place

// -3.2 with "dB" -> "−3.2 dB"; digits after the point go by the step.
function formatValue(value, unit = "", step = 0) {
  const digits = step > 0 ? Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9))) : null;
  const text = digits === null ? String(Number(value.toPrecision(4))) : value.toFixed(digits);
  return text.replace("-", "−").replace("e−", "e-") + (unit ? ` ${unit}` : "");
}

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

// A button with words on it, or with a sign and a name for it: button("▶", play, { name: "Play" }).
function button(text, onClick, { name = null, title = null } = {}) {
  return element("button", { type: "button", "aria-label": name, title: title ?? name, on: { click: onClick } }, text);
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
  const made = control(node, input, () => value, (number) => { value = clamp(Number(number), range.min, range.max); show(); });
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

// A number to type; what is no number or out of range is put back to the last good one.
function numberField({ label, min = -Infinity, max = Infinity, step = 1, unit = "" }) {
  let value = Number.isFinite(min) ? min : 0;
  const input = element("input", { type: "number", step: "any" });
  const node = element("label", { class: "wb-control" }, label, input, unit);
  const show = () => { input.value = value; };
  const made = control(node, input, () => value, (number) => { value = Number(number); show(); });
  const move = (number) => {
    const next = Number.isFinite(number) ? clamp(Number(number.toPrecision(12)), min, max) : value;
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

const toolbar = (...children) => element("div", { class: "wb-toolbar" }, ...children);
// Controls that belong together, with a name for the group.
const group = (name, ...children) => element("div", { class: "wb-group", role: "group", "aria-label": name }, ...children);

// Changes of a frame go to the kernel together.
const waitingModels = new WeakSet();
function saveSoon(model) {
  if (waitingModels.has(model)) return;
  waitingModels.add(model);
  requestAnimationFrame(() => { waitingModels.delete(model); model.save_changes(); });
}

// Trait and control follow each other; toControl and toTrait convert between them. Returns the undoing.
function bind(model, trait, made, { toControl = (value) => value, toTrait = (value) => value } = {}) {
  const show = () => { made.value = toControl(model.get(trait)); };
  const stop = made.onInput((value) => { model.set(trait, toTrait(value)); saveSoon(model); });
  model.on(`change:${trait}`, show);
  show();
  return () => { stop(); model.off(`change:${trait}`, show); };
}

// A view of a widget: title, message bar, busy sign and an empty body; `close` undoes all that went through it.
function openWidget(model, el) {
  const undo = [];
  const cleanup = (run) => { undo.push(run); };
  const title = element("h4");
  const busy = element("span", { class: "wb-busy", role: "status" });
  const text = element("span");
  const alert = element("div", { role: "alert" });
  const body = element("div", { class: "wb-body" });
  const root = element("div", { class: "wb", role: "group" }, element("div", { class: "wb-title" }, title, busy), alert, body);
  el.append(root);

  // f() at once and whenever one of the traits changes; { now: false } only then
  const onChange = (traits, run, { now = true } = {}) => {
    for (const trait of [traits].flat()) {
      const call = () => run();
      model.on(`change:${trait}`, call);
      cleanup(() => model.off(`change:${trait}`, call));
    }
    if (now) run();
  };
  const onMessage = (run) => {
    const call = (content, buffers) => run(content, buffers ?? []);
    model.on("msg:custom", call);
    cleanup(() => model.off("msg:custom", call));
  };
  const listen = (target, event, run, options) => {
    target.addEventListener(event, run, options);
    cleanup(() => target.removeEventListener(event, run, options));
  };
  const set = (trait, value) => { model.set(trait, value); saveSoon(model); };
  const dismiss = button("Dismiss", () => { set("message", ""); root.querySelector(`.wb-body [${KEEP_KEYS}]`)?.focus(); });
  const bar = element("div", { class: "wb-message" }, text, dismiss);

  onChange("label", () => { title.textContent = model.get("label"); root.setAttribute("aria-label", model.get("label")); });
  onChange("message", () => {
    text.textContent = model.get("message");
    alert.replaceChildren(...(model.get("message") ? [bar] : []));
  });
  onChange("busy", () => {
    busy.textContent = model.get("busy") ? "working …" : "";
    root.setAttribute("aria-busy", String(Boolean(model.get("busy"))));
  });
  return {
    model, root, body, cleanup, onChange, onMessage, listen, set,
    get: (trait) => model.get(trait),
    bind: (trait, made, options) => cleanup(bind(model, trait, made, options)),
    send: (content, buffers) => model.send(content, undefined, buffers),
    // for errors of the browser itself, such as sound that cannot be decoded
    fail: (error) => set("message", String(error?.message ?? error)),
    close: () => { for (const run of undo.splice(0).reverse()) run(); root.remove(); },
  };
}
