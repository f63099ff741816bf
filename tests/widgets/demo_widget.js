function render({ model, el }) {
  const widget = openWidget(model, el);
  const seconds = model.get("columns") * model.get("hop_seconds");
  const view = new View({ x: [0, seconds], y: [40, 22050], yScale: "log" });
  const image = new LevelImage({
    data: asBytes(model.get("levels")), rows: model.get("rows"), columns: model.get("columns"),
    x: { first: 0, step: model.get("hop_seconds") }, y: { first: 0, step: 22050 / (model.get("rows") - 1) },
    values: [-100, 0], colours: asBytes(model.get("colours")), label: "level",
  });
  const axes = new Axes(widget, {
    view, height: 300, name: "Spectrogram of the demo", x: null, y: { label: "frequency", unit: "Hz" }, bar: image,
    onClick: (point) => widget.set("clicked", [point.x, point.y]), onHover: (point) => { window.hovered = point; },
  });
  axes.add(image);
  const lanes = new Lanes({
    lanes: model.get("peaks").map((data, index) => ({ name: ["vocals", "drums", "bass"][index], color: ["#0072B2", "#D55E00", "#009E73"][index], data: asInt16(data) })),
    step: seconds / (asInt16(model.get("peaks")[0]).length / 2),
  });
  const waves = new Axes(widget, { view, height: 210, name: "Waveforms of the demo", y: { label: "stem", range: [0, 1], ticks: false }, bar: "room" });
  waves.add(lanes);
  waves.addOverlay({ draw(context, frame) { context.fillStyle = frame.colors.highlight; context.fillRect(frame.toX(seconds / 3), frame.top, 2, frame.height); } });
  const floor = slider({ label: "floor", min: -100, max: -10, step: 1, unit: "dB" });
  const hop = slider({ label: "hop", min: 64, max: 65536, step: 1, unit: "samples", scale: "log" });
  const stem = select({ label: "stem", options: ["vocals", "drums", ["bass", "bass guitar"]] });
  const count = numberField({ label: "count", min: 1, max: 9, unit: "chunks" });
  const solo = toggle("Solo");
  const normalize = checkbox({ label: "normalize" });
  const name = textField({ label: "name" });
  widget.bind("floor_db", floor);
  widget.bind("hop_samples", hop);
  widget.bind("stem", stem);
  widget.bind("count", count);
  widget.bind("solo", solo);
  widget.bind("normalize", normalize);
  widget.bind("name", name);
  widget.onChange("floor_db", () => image.setShown(model.get("floor_db"), 0));
  widget.onChange("colours", () => image.setColours(asBytes(model.get("colours"))), { now: false });
  bindView(widget, "shown", view);
  widget.onMessage((content) => { window.heard = content; });
  widget.body.append(
    toolbar(floor.node, hop.node, stem.node, count.node, solo.node, normalize.node, name.node, button("Ask", () => widget.send({ ask: 2 }))),
    viewToolbar(view, { y: "frequency" }), axes.node, waves.node);
  Object.assign(window, { demo: { view, image, axes, waves, lanes } });
  return widget.close;
}
export default { render };
