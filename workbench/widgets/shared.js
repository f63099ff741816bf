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
  return text.replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−").replace("e−", "e-") + (unit ? ` ${unit}` : "");
}

// A button with words on it, or with a sign and a name for it: button("▶", play, { name: "Play" }).
function button(text, onClick, { name = null, title = null } = {}) {
  return element("button", { type: "button", "aria-label": name, title: title ?? name, on: { click: onClick } }, text);
}

const ownTitles = new WeakMap(); // of what was ever blocked

// Switches a control or a button off, with the reason as its tooltip; "" switches it on again.
function block(made, reason) {
  const node = made.node ?? made;
  (made.input ?? made).disabled = Boolean(reason);
  if (!ownTitles.has(node)) ownTitles.set(node, node.title);
  node.title = reason || ownTitles.get(node);
}

// A button that copies what `shown` (a text area, or an element with text) says; where the page has no right to the
// clipboard, as over plain http, that is selected. { node, reset() }: reset() when the text is another one.
function copyButton(shown, { name }) {
  const told = element("span", { class: "wb-soft", role: "status" });
  const read = () => shown.value ?? shown.textContent;
  const select = () => {
    if (shown.select) return shown.select();
    const range = document.createRange();
    range.selectNodeContents(shown);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(read());
    } catch {
      select();
      if (!document.execCommand("copy")) { told.textContent = "selected: press Ctrl+C"; return; }
    }
    told.textContent = "copied";
  };
  return { node: group("copy", button("Copy", copy, { name }), told), reset() { told.textContent = ""; } };
}

// What tells a view, and what it asks for, from others.
const makeId = () => crypto.randomUUID?.() ?? String(Math.random());

const toolbar = (...children) => element("div", { class: "wb-toolbar" }, ...children);
// Controls that belong together, with a name for the group.
const group = (name, ...children) => element("div", { class: "wb-group", role: "group", "aria-label": name }, ...children);

// Changes of one handler go to the kernel together, and at once: a frame's wait would be seen in every answer.
const waitingModels = new WeakSet();
function saveSoon(model) {
  if (waitingModels.has(model)) return;
  waitingModels.add(model);
  queueMicrotask(() => { waitingModels.delete(model); model.save_changes(); });
}

const KERNEL_IS_GONE = "the kernel has ended or was restarted, and this widget with it: run its cell again";

// A view of a widget: title, message bar, busy sign and an empty body; `close` undoes all that went through it.
function openWidget(model, el) {
  const undo = [];
  let isClosed = false;
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
  const listeners = new Set();
  const onMessage = (run) => {
    const call = (content, buffers) => run(content, buffers ?? []);
    model.on("msg:custom", call);
    listeners.add(call);
    const undoThis = () => { model.off("msg:custom", call); listeners.delete(call); };
    cleanup(undoThis);
    return undoThis;
  };
  // Jupyter leaves the page as it was when a kernel ends, so that a click would wait for its answer for ever.
  const tellGone = () => {
    if (isClosed) return;
    model.set("busy", false);
    model.set("message", KERNEL_IS_GONE);
  };
  model.on("comm_live_update", tellGone); // after a view was made it can only be lost
  cleanup(() => model.off("comm_live_update", tellGone));
  const send = (content, buffers) => {
    try {
      model.send(content, undefined, buffers);
    } catch {
      tellGone();
      if (content.request) for (const call of [...listeners]) call({ request: content.request, failed: KERNEL_IS_GONE });
    }
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
    send,
    get isClosed() { return isClosed; },
    // for errors of the browser itself, such as sound that cannot be decoded; of a view that is gone nobody hears
    fail: (error) => { if (!isClosed) set("message", String(error?.message ?? error)); },
    close: () => { isClosed = true; for (const run of undo.splice(0).reverse()) run(); root.remove(); },
  };
}
