// The steps of a run in order; one that is pressed is picked, pressed again it is let go.
function makeStepCard(widget, step, { onLook, onMove }) {
  const { name, shape, dtype, size, time, part, is_kept } = step;
  // spaces between the parts are not shown, but keep words apart in the button's name
  const axes = shape.flatMap(([axis, length]) => [element("span", {}, axis, " ", element("b", {}, length)), " "]);
  const node = element("button", { class: "wb-step", type: "button", "aria-pressed": "false", "data-step": name },
    element("span", { class: "wb-step-name" }, name, " ", is_kept ? null : element("span", { class: "wb-step-summary" }, "summary")), " ",
    element("span", { class: "wb-step-shape" }, ...axes), " ",
    element("span", { class: "wb-step-size" }, `${dtype} · ${size}`), " ",
    element("span", { class: "wb-step-bar", "aria-hidden": "true" }, element("i", { style: { width: `${100 * part}%` } })),
    element("span", { class: "wb-step-time" }, time));
  node.addEventListener("click", () => widget.set("selected", widget.get("selected") === name ? "" : name));
  node.addEventListener("focus", () => onLook(step, node));
  node.addEventListener("mouseenter", () => onLook(step, node));
  keys(node, { ArrowRight: () => onMove(node, 1), ArrowLeft: () => onMove(node, -1), Home: () => onMove(node, -Infinity), End: () => onMove(node, Infinity) });
  return node;
}

function render({ model, el }) {
  const widget = openWidget(model, el);
  const id = `wb-step-${makeId()}`;
  const path = element("ol", { class: "wb-path", "aria-label": "steps, in order" });
  const details = element("div", { class: "wb-step-details", id });
  const totals = element("p", { class: "wb-soft wb-totals" });
  const notices = element("ul", { class: "wb-notices", "aria-label": "notices of the run" });
  let cards = [];

  const look = (step, node) => {
    for (const card of cards) card.removeAttribute("aria-describedby");
    node?.setAttribute("aria-describedby", id);
    const settings = step.settings.map(([name, value]) => element("span", { class: "wb-setting" }, `${name} `, element("b", {}, value)));
    details.replaceChildren(
      element("div", {}, element("b", {}, step.name), `: ${step.meaning} `, element("span", { class: "wb-soft" }, `On ${step.device}.`)),
      element("div", { class: "wb-settings" }, ...(settings.length ? settings : [element("span", { class: "wb-soft" }, "no settings")])));
  };
  const rest = () => {
    const steps = widget.get("steps"), index = steps.findIndex(({ name }) => name === widget.get("selected"));
    const focused = cards.indexOf(document.activeElement);
    const at = focused >= 0 ? focused : Math.max(0, index);
    if (steps[at]) look(steps[at], cards[at]);
  };
  const move = (node, by) => cards[clamp(cards.indexOf(node) + by, 0, cards.length - 1)].focus();

  const passButtons = widget.get("passes").map((name) => {
    const made = toggle(name, { title: `show the steps of ${name}` });
    made.onInput(() => { widget.set("shown_pass", name); made.value = true; });
    return made;
  });
  widget.onChange("steps", () => {
    cards = widget.get("steps").map((step) => makeStepCard(widget, step, { onLook: look, onMove: move }));
    path.replaceChildren(...cards.map((card) => element("li", {}, card)));
    for (const card of cards) card.setAttribute("aria-pressed", String(card.dataset.step === widget.get("selected")));
    rest();
  });
  widget.onChange("selected", () => {
    for (const card of cards) card.setAttribute("aria-pressed", String(card.dataset.step === widget.get("selected")));
    rest();
  });
  widget.onChange("shown_pass", () => {
    for (const [index, made] of passButtons.entries()) made.value = widget.get("passes")[index] === widget.get("shown_pass");
  });
  widget.onChange("totals", () => { totals.textContent = `${widget.get("totals")} Bars: time in each step alone.`; });
  widget.onChange("notices", () => {
    notices.replaceChildren(...widget.get("notices").map((text) => element("li", {}, text)));
    notices.hidden = !widget.get("notices").length;
  });
  path.addEventListener("mouseleave", rest);
  widget.body.append(
    ...(passButtons.length ? [toolbar(group("pass", "pass", ...passButtons.map((made) => made.node)))] : []),
    path, details, totals, notices);
  return widget.close;
}
export default { render };
