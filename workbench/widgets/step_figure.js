// A step's figure, and what there is to choose of it.
function render({ model, el }) {
  const widget = openWidget(model, el);
  const choices = widget.get("choices");
  const all = { chunk: "as the figure chooses", stem: "all", channel: "the loudest" };
  const words = { chunk: "chunk", stem: "stem", channel: "channel", frequency: "frequency axis" };
  const controls = Object.entries(choices).map(([trait, options]) => {
    const made = select({ label: words[trait], options: trait in all ? [["", all[trait]], ...options] : options });
    const isNumber = trait === "chunk" || trait === "channel";
    widget.bind(trait, made, isNumber && {
      toControl: (value) => (value === null ? "" : String(value)), toTrait: (value) => (value === "" ? null : Number(value)),
    } || {});
    return made.node;
  });
  const image = element("img", { alt: "" });
  const notice = element("p", { class: "wb-soft wb-notice" });
  let address = null;
  widget.onChange("notice", () => { notice.textContent = widget.get("notice"); notice.hidden = !widget.get("notice"); });
  widget.onChange("picture", () => {
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([asBytes(widget.get("picture"))], { type: "image/png" }));
    image.src = address;
  });
  widget.onChange("words", () => { image.alt = widget.get("words"); });
  widget.cleanup(() => { if (address) URL.revokeObjectURL(address); });
  widget.body.classList.add("wb-step-figure");
  widget.body.append(...(controls.length ? [toolbar(...controls)] : []), notice, image);
  return widget.close;
}
export default { render };
